"""A worker that says what it was asked, and whether torch may run pickled code here."""

import os


def answer(request, progress):
    """The request and one variable of its process."""
    return {**request, "confined": os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"]}
