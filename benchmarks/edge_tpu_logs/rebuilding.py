"""A published network in a .tflite file, made in an environment of its own."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.edge_tpu_logs.reports import Published
from models.environments import ToolEnvironment, Tooling, pinned
from models.litert.graph import Graph
from models.litert.reading import read_file
from models.progress import Progress, silent

WORKER = "benchmarks.edge_tpu_logs.making"
TIMEOUT_S = 3600.0


def tensorflow() -> Tooling:
    """TensorFlow of 2023 for CPUs; 1.3 GB."""
    return pinned(Path(__file__).parent / "edge-tpu-logs.txt")


class Rebuilder:
    """Makes networks in the environment below `envs`; their files come to lie in `kept`."""

    def __init__(self, envs: Path, kept: Path, progress: Progress = silent) -> None:
        self._environment = ToolEnvironment(tensorflow(), envs, progress)
        self._kept = kept.resolve()

    def graphs(self, reports: Mapping[str, Published]) -> Mapping[str, Graph]:
        """The network of each of `reports`.

        Raises:
            ToolFailed: the environment cannot be made, or a network cannot.
            BadModelFile: what was made is no sound .tflite.
        """
        self._kept.mkdir(parents=True, exist_ok=True)
        wanted = [
            {
                "net": truth.net,
                "options": dict(truth.options),
                "ends": truth.ends,
                "quantizer": truth.quantizer,
                "target": str(self._kept / f"{name}.tflite"),
            }
            for name, truth in reports.items()
        ]
        self._environment.call(WORKER, {"nets": wanted}, TIMEOUT_S)
        return {name: read_file(self._kept / f"{name}.tflite") for name in reports}
