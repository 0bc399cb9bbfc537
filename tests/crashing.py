"""`python -m tests.crashing FOLDER`: a writer of the store, killed at each of its steps.

The writer stores a file and its card in a process of its own, which sends itself SIGKILL
at the nth thing that it asks of the file system. A line a kill is printed: the folder.
"""

import os
import signal
import sys
from pathlib import Path

from configs.model import TensorSpec
from models.card import Card, FileFact
from models.store import Store, digest

STEPS = (
    "open", "os.rename", "os.chmod", "os.mkdir", "os.utime", "os.remove",
    "shutil.copyfile",
)  # fmt: skip
TENSOR = TensorSpec(name="x", datatype="FP32", shape=(1,))


def write(folder: Path) -> None:
    """What a build does last."""
    store = Store(folder / "store")
    fact = store.add_file(folder / "content")
    store.save_card(a_card(fact))


def a_card(fact: FileFact) -> Card:
    """A card of nothing in particular."""
    return Card(
        model="m",
        version=1,
        variant="fp32-onnx",
        title="",
        licence="",
        build_key="0" * 64,
        created="",
        model_file=fact,
        inputs=(TENSOR,),
        outputs=(TENSOR,),
        source_uri="file:///x",
        source_sha256="0" * 64,
    )


def die_at(step: int, folder: Path) -> None:
    """Count what is asked of the file system below `folder`; at `step`, be killed."""
    asked = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal asked
        if event in STEPS and any(str(folder) in str(one) for one in arguments):
            asked += 1
            if asked == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main(root: Path) -> None:
    """Kill writers one step later each time, until one comes to its end."""
    digest(Path(__file__))  # whatever is imported late is imported here
    for step in range(1, 100):
        folder = root / f"{step:02}"
        folder.mkdir()
        (folder / "content").write_bytes(b"weights" * 300_000)
        child = os.fork()
        if child == 0:
            die_at(step, folder / "store")
            write(folder)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(folder, flush=True)  # noqa: T201 - read by the test
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
