"""`python -m tests.dying FOLDER HOW`: a replica's process that dies at a model.

Prints a line when it is at the model; then it aborts itself or waits to be killed.
"""

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from deployments.messages import Tensor
from deployments.residency.blackbox import BlackBox, Marked

POISON, GOOD = "aa" * 32, "bb" * 32


class Stuck:
    """A backend that says when it runs, and then aborts or never ends."""

    def __init__(self, aborts: bool) -> None:
        self._aborts = aborts

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        _say("at it")
        if self._aborts:
            os.abort()
        threading.Event().wait()
        return inputs


def main() -> None:
    """Die as asked."""
    folder, how = Path(sys.argv[1]), sys.argv[2]
    box = BlackBox(folder)
    box.listen()
    if how == "loading":
        with box.loading(POISON):
            _say("at it")
            threading.Event().wait()
    elif how == "well":
        box.close()
    elif how == "stuck":
        threading.Thread(
            target=Marked(Stuck(False), box, POISON).run, args=({},)
        ).start()
        sys.stdin.readline()
        box.accuse(after_s=0.0)
        _say("accused")
        threading.Event().wait()
    else:
        good = Marked(Stuck(False), box, GOOD)
        threading.Thread(target=good.run, args=({},), daemon=True).start()
        Marked(Stuck(how == "aborting"), box, POISON).run({})


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
