"""The environment of TensorFlow, which alone reads Keras files; made when first needed."""

from pathlib import Path

from edge.importing.inspector import Converter
from models.environments import ToolEnvironment, Tooling, pinned
from models.progress import Progress, silent

WORKER = "edge.importing.keras"
TIMEOUT_S = 900.0


def tensorflow() -> Tooling:
    """TensorFlow for CPUs; 1.5 GB."""
    return pinned(Path(__file__).parent / "tensorflow.txt")


def keras_converter(root: Path, progress: Progress = silent) -> Converter:
    """What turns a Keras file into a .tflite, in the environment below `root`."""

    def convert(file: Path, target: Path) -> object:
        environment = ToolEnvironment(tensorflow(), root, progress)
        said = {"file": str(file.absolute()), "target": str(target.resolve())}
        return environment.call(WORKER, said, TIMEOUT_S)

    return convert
