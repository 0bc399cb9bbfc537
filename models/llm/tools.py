"""The environments of one installation, ready to be called by steps and by the judge."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from models.environments import ToolEnvironment
from models.llm import toolings
from models.recipes.bench import Bench

WORKERS = "models.llm.workers"
SHOWN = ("llmcompressor", "compressed-tensors", "transformers", "torch", "peft", "gguf")


class Tool(Protocol):
    """Calls workers inside an environment; a fake in tests."""

    def __call__(self, worker: str, request: Mapping[str, object]) -> Any:
        """What the worker answers."""
        ...

    def versions(self) -> Mapping[str, str]:
        """Of the libraries that count."""
        ...


_VARIABLES = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin starve their neighbours
}

Tools = Callable[[Bench], Tool]


@dataclass(frozen=True, slots=True)
class Compressor:
    """The environment that makes and scores variants."""

    environment: ToolEnvironment

    def __call__(self, worker: str, request: Mapping[str, object]) -> Any:
        """Call `models.llm.workers.<worker>`.

        Raises:
            ToolFailed: it cannot be installed, or the worker failed.
        """
        return self.environment.call(
            f"{WORKERS}.{worker}", request, variables=_VARIABLES
        )

    def versions(self) -> Mapping[str, str]:
        """Of the libraries that count."""
        known = {
            name.lower(): said for name, said in self.environment.versions().items()
        }
        return {name: known[name] for name in SHOWN if name in known}


def compressor(bench: Bench) -> Tool:
    """The one of this installation; made when first called."""
    root = bench.rooms.home / "envs"
    return Compressor(ToolEnvironment(toolings.compress(), root, bench.progress))


def server_environment(bench: Bench) -> ToolEnvironment:
    """Where vLLM is."""
    return ToolEnvironment(toolings.serve(), bench.rooms.home / "envs", bench.progress)


def told(answer: object) -> dict[str, object]:
    """An answer as facts."""
    return dict(cast(Mapping[str, object], answer))


def texts(bench: Bench, dataset: str) -> Sequence[str]:
    """The files of a dataset of format `text`.

    Raises:
        ModelError: they cannot be had.
    """
    files = bench.materials.dataset(dataset).photos
    return [str(one.file.resolve()) for one in files]
