"""Which function runs a step or judges a piece, found by name and imported when used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from models.errors import BuildFailed
from models.recipes.pieces import Form

Role = Literal["train", "validation", "calibration", "evaluation"]


@dataclass(frozen=True, slots=True)
class StepEntry:
    """Where a step is and what its result depends on, beside its Spec and its source.

    `run` is `module:function`, called with (step, source, target, bench). `tools` are the
    distributions whose versions count, `data` the datasets of the recipe that it reads.
    `environment`: the `module:function` that says, as JSON, what else it runs with: the pins
    of its tool environment, or the library and GPU found here. `on_cpu`: its result depends
    on how this CPU multiplies INT8; `on_bar`: on the bar.
    """

    run: str
    extra: str = "build"
    takes: Form | Literal["any", "none"] = "onnx"
    gives: Form = "onnx"
    tools: tuple[str, ...] = ()
    data: tuple[Role, ...] = ()
    environment: str | None = None
    on_cpu: bool = False
    on_bar: bool = False


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Every step by its word, and by form the `module:function` that judges a piece.

    `adopt` is called with (spec, weights, target) to turn a model's own weights into a
    torch piece in the folder `target`.
    """

    steps: Mapping[str, StepEntry]
    judges: Mapping[Form, str]
    adopt: str = "models.training.adopt:adopt"


def tool(recipe: str, step: str, name: str, extra: str) -> Callable[..., object]:
    """The function `name` (`module:function`).

    Raises:
        BuildFailed: it, or a library it needs, is not installed.
    """
    module, _, function = name.partition(":")
    try:
        found: Callable[..., object] = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise BuildFailed(recipe, step, missing(error, extra)) from error
    return found


def missing(error: Exception, extra: str) -> str:
    """What to say when something could not be imported."""
    name = getattr(error, "name", None)
    return f"{name or error} is missing: install headwater[{extra}]"
