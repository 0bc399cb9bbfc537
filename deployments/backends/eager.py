"""PyTorch as it is, for reference: a network of ours, its weights in safetensors.

Slower than ONNX Runtime on CPU and much larger in memory; it is what every other variant
of a model was made from, so it tells whether a difference came from a conversion.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from deployments.messages import Tensor
from models.errors import StoreCorrupt
from models.recipes.pieces import ARCHITECTURE, WEIGHTS, Piece


class EagerBackend:
    """One network; torch is told to use one thread, as every slot does."""

    def __init__(self, network: Any, input_name: str, output_name: str) -> None:
        self._torch = import_module("torch")
        self._torch.set_num_threads(1)
        self._network = network
        self._input, self._output = input_name, output_name

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `Backend.run`."""
        # A batch may lie in memory that only may be read, which torch does not take.
        rows = inputs[self._input]
        rows = rows if rows.flags.writeable else rows.copy()
        with self._torch.inference_mode():
            answer: Tensor = self._network(self._torch.from_numpy(rows)).numpy()
        return {self._output: answer}


def load_network(model: str, files: Mapping[str, Path], scratch: Path) -> Any:
    """The network of a stored torch variant, in its serving state.

    Args:
        model: for the text of an error.
        files: its weights and its architecture by name.
        scratch: an empty folder; a torch piece is put together in it.

    Raises:
        StoreCorrupt: the architecture is missing.
        BuildFailed: they do not fit each other.
        ImportError: torch is not installed.
    """
    for name in (WEIGHTS, ARCHITECTURE):
        if name not in files:
            raise StoreCorrupt(model, f"has no {name}")
        (scratch / name).symlink_to(files[name].resolve())
    loaded = import_module("models.training.weights").load(model, Piece(scratch))
    return loaded.module
