"""Every example in the documentation that is marked `<!-- runs -->` runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENT_PYTHON = ROOT / ".venv-client" / "bin" / "python"
MARKED = re.compile(r"<!-- runs(?: in (\w+))? -->\n```(\w+)\n(.*?)```", re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def examples():
    for page in PAGES:
        for place, language, code in MARKED.findall(page.read_text()):
            yield pytest.param(
                place, language, code, id=f"{page.name}: {code.split(chr(10))[0][:40]}"
            )


def moved(code, cluster):
    """The example with the doors where this cluster has them."""
    http = cluster.http.removeprefix("http://")
    return code.replace("127.0.0.1:8000", http).replace("127.0.0.1:9000", cluster.grpc)


@pytest.fixture
def folder(store, cat, tmp_path):
    """A checkout's folder as far as examples see it."""
    home = tmp_path / ".headwater"
    home.mkdir()
    for name in ("store", "cache"):
        (home / name).symlink_to(store.home / name)
    (home / "cat.png").write_bytes(cat)
    return tmp_path


@pytest.mark.parametrize(("place", "language", "code"), list(examples()))
def test_example_runs(fused, folder, place, language, code):
    python = CLIENT_PYTHON if place == "client" else Path(sys.executable)
    commands = {
        "sh": ["bash", "-euo", "pipefail", "-c"],
        "python": [str(python), "-c"],
    }

    ran = subprocess.run(
        [*commands[language], moved(code, fused)],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",  # an answer may hold raw tensors
        timeout=120,
        env={**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"},
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.strip(), "an example shows something"
    # A card has a calibration_error, an answer that failed an "error".
    assert not re.search(r"(?<!_)error", ran.stdout, re.IGNORECASE), ran.stdout
