"""Modules and installers that stand in for those of a tool's environment."""

import os
import subprocess
import sys
import time
from pathlib import Path

FAKE_PIP = """
import sys
print("Collecting tool==1")
print("  Downloading https://somewhere/tool-1-py3-none-any.whl (2 kB)")
print("Progress 512 of 2048")
print("Progress 2048 of 2048")
if "broken==1" in sys.argv:
    print("ERROR: Could not find a version that satisfies the requirement broken==1")
    print("[notice] A new release of pip is available")
    sys.exit(1)
"""


def write_fake_pip(folder: Path) -> tuple[str, str]:
    """A command that prints what pip prints, and installs nothing."""
    file = folder / "pip.py"
    file.write_text(FAKE_PIP)
    return sys.executable, str(file)


def answer(request, progress):
    """Do what `request["do"]` says; called inside an environment."""
    return getattr(Deeds, request["do"])(request, progress)


class Deeds:
    """What a called module may do, well or badly."""

    @staticmethod
    def echo(request, progress):
        sys.stdout.write("this is printed, not answered\n")
        progress("count", 1, 2)
        progress("count", 2, 2)
        return {"got": request, "prefix": sys.prefix, "path": sys.path}

    @staticmethod
    def see(request, progress):
        return os.environ.get(request["name"])

    @staticmethod
    def refuse(request, progress):
        raise ValueError("a word too many")

    @staticmethod
    def borrow(request, progress):
        import pydantic

        return pydantic.VERSION

    @staticmethod
    def abort(request, progress):
        sys.stderr.write("native: assertion failed in line 7\n")
        sys.stderr.flush()
        os.abort()

    @staticmethod
    def hang(request, progress):
        time.sleep(60)

    @staticmethod
    def leave_a_child(request, progress):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(request["file"]).write_text(str(child.pid))
        progress("started", 1, 1)
        time.sleep(60)
