"""Runs in a tool's environment: one function of ours, JSON in, JSON out.

Started by `models.environments` as a file, so it imports the standard library alone.
Of our code only the package of the called module can be imported, and of that only what
needs nothing that the environment lacks.
"""

import importlib
import importlib.machinery
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType

FUNCTION = "answer"
"""What a called module must have: `answer(request, progress) -> JSON`."""


class OurPackage:
    """Finds one package in `root` and nothing beside it.

    `root` may be a whole site-packages, whose other packages are not this environment's.
    """

    def __init__(self, name: str, root: str) -> None:
        self._name, self._root = name, root

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """What the import system asks."""
        if fullname != self._name:
            return None
        return importlib.machinery.PathFinder.find_spec(fullname, [self._root])


def run(call: Mapping[str, object], tell: Callable[[object], None]) -> None:
    """Call `answer` of a module; what it returns or raises is told last."""

    def progress(step: str, done: int, total: int) -> None:
        tell({"step": step, "done": done, "total": total})

    module = str(call["module"])
    sys.meta_path.append(OurPackage(module.partition(".")[0], str(call["root"])))
    try:
        answered = getattr(importlib.import_module(module), FUNCTION)(
            call["request"], progress
        )
        tell({"answer": answered})
    except Exception as error:  # noqa: BLE001 - the outermost loop of this process
        traceback.print_exc()
        tell({"error": str(error), "kind": type(error).__name__})


def main(reply: int) -> None:
    """Read one call from stdin, tell lines of JSON to the file descriptor `reply`."""
    os.set_inheritable(reply, False)
    call = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_caller, daemon=True).start()
    with os.fdopen(reply, "w", encoding="utf-8") as line:

        def tell(said: object) -> None:
            line.write(f"{json.dumps(said)}\n")
            line.flush()

        run(call, tell)


def _end_with_caller() -> None:
    """A caller that was killed cannot stop us; its end of stdin closes all the same."""
    while os.read(sys.stdin.fileno(), 1):  # raw: a lock on stdin would stop our exit
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
