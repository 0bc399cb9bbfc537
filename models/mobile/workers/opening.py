"""Opens one file for phones in this process, and says why where its runtime refuses."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from models.mobile.workers.running import OPENERS


def answer(request: Mapping[str, Any], progress: Any) -> object:
    """`refusal`: why `request["model"]`, of `request["form"]`, is not opened; or empty.

    It names the file without its folder, so that it is the same wherever that lies.
    """
    file = Path(request["model"])
    opener = import_module(OPENERS[request["form"]])
    try:
        opener.opened(request["model"], 1)
    except Exception as error:  # noqa: BLE001 - each runtime has errors of its own
        said = " ".join(str(error).replace(str(file), file.name).split())
        return {"refusal": said or type(error).__name__}
    return {"refusal": ""}
