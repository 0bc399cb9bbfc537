"""What a recipe comes to: the key of each step, and which are already made.

The key of a step is a hash over everything its result depends on, so a plan is made
without making anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from configs.recipe import RecipeSpec
from configs.steps import AnyStep, ReferenceSpec
from models import keys, machine
from models.errors import NotInCatalogue
from models.recipes.shelf import Shelf
from models.recipes.toolbox import StepEntry, Toolbox, tool
from models.recipes.voters import voters
from models.workshop import Workshop

RECIPE = 1
"""Raised whenever the engine would turn the same inputs into something else."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step and the key of its piece; `done`: the piece is on the shelf."""

    step: AnyStep
    entry: StepEntry
    key: str
    done: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A recipe with the keys of its source, its steps, and the variant they end in."""

    recipe: RecipeSpec
    source_key: str
    steps: tuple[PlannedStep, ...]
    build_key: str


class Planner:
    """Makes plans against one workshop and its shelf."""

    def __init__(self, workshop: Workshop, toolbox: Toolbox, shelf: Shelf) -> None:
        self._workshop, self._toolbox, self._shelf = workshop, toolbox, shelf

    def plan(self, recipe: RecipeSpec) -> Plan:
        """The keys of `recipe` as things are now.

        Raises:
            ModelError: a dataset or an ensemble that it names cannot be had.
        """
        source_key = key = self.source_key(recipe)
        steps = []
        for step in recipe.steps:
            entry = self._toolbox.steps[step.step]
            key = self._step_key(recipe, step, entry, key)
            done = self._shelf.find(key) is not None
            steps.append(PlannedStep(step, entry, key, done))
        return Plan(recipe, source_key, tuple(steps), self._build_key(recipe, key))

    def require(self, recipe: str) -> RecipeSpec:
        """The Spec of `recipe`.

        Raises:
            NotInCatalogue: there is none.
        """
        known = self._workshop.catalogue.recipes
        if recipe not in known:
            raise NotInCatalogue(recipe, tuple(known) or ("no recipes",))
        return known[recipe]

    def source_key(self, recipe: RecipeSpec) -> str:
        """The key of what the first step starts from."""
        source = recipe.source
        if source.model is not None:
            return self.model_key(source.model, self.wants_torch(recipe))
        if source.recipe is not None:
            made = self.plan(self.require(source.recipe))
            return made.steps[(source.after or len(made.steps)) - 1].key
        return keys.hash_of({"source": source.model_dump(mode="json")})

    def model_key(self, model: str, torch: bool) -> str:
        """The key of a model's own weights as ONNX, or as something to train."""
        spec = self._workshop.require(model)
        fields = {"weights", "architecture", "inputs", "outputs"}
        return keys.hash_of(
            {
                "source": spec.model_dump(mode="json", include=fields),
                "torch": torch,
                "recipe": [RECIPE, keys.RECIPE],
                "tools": dict(keys.toolchain(spec)),
            }
        )

    def data(self, recipe: RecipeSpec) -> Mapping[str, str]:
        """The digest of each dataset that `recipe` names or is judged on."""
        names = dict.fromkeys([*recipe.datasets(), *self.judged_on(recipe)])
        return {name: self._workshop.materials.sha256(name) for name in names}

    def judged_on(self, recipe: RecipeSpec) -> tuple[str, ...]:
        """The datasets of the bar: the recipe's own, or else the model's."""
        own = recipe.data.evaluation
        return own or self._workshop.require(recipe.model).evaluation

    def wants_torch(self, recipe: RecipeSpec) -> bool:
        """Whether the first step trains the weights of a network that we know."""
        spec = self._workshop.require(recipe.source.model or recipe.model)
        takes = self._toolbox.steps[recipe.steps[0].step].takes
        return takes in ("torch", "any") and spec.architecture not in ("onnx", "recipe")

    def _step_key(
        self, recipe: RecipeSpec, step: AnyStep, entry: StepEntry, source: str
    ) -> str:
        spec = self._workshop.require(recipe.model)
        task = {"inputs", "outputs", "image", "labels"}
        if spec.audio is not None:  # keys of what takes photos stay as they were
            task |= {"audio"}
        content = {
            "recipe": RECIPE,
            "step": step.model_dump(mode="json"),
            "source": source,
            "seed": recipe.seed,
            "task": spec.model_dump(mode="json", include=task),
            "data": self._step_data(recipe, step, entry),
            "tools": dict(keys.tool_versions(entry.tools)),
            "int8": machine.this_saturates() if entry.on_cpu else None,
            "bar": recipe.bar.model_dump(mode="json") if entry.on_bar else None,
            "teacher": self._teacher_key(getattr(step, "teacher", None)),
        }
        if entry.environment is not None:
            said = tool(recipe.id, step.step, entry.environment, entry.extra)
            content["environment"] = said()
        return keys.hash_of(content)

    def _step_data(
        self, recipe: RecipeSpec, step: AnyStep, entry: StepEntry
    ) -> list[object]:
        said: dict[str, tuple[str | None, ...]] = {
            "train": (recipe.data.train,),
            "validation": (recipe.data.validation,),
            "calibration": (
                getattr(step, "calibration", None) or recipe.data.calibration,
            ),
            "evaluation": self.judged_on(recipe),
        }
        named = [(role, name) for role in entry.data for name in said[role]]
        digest = self._workshop.materials.sha256
        found = [[role, name, digest(name)] for role, name in named if name]
        return [found, recipe.data.skip_broken and bool(found)]

    def _teacher_key(self, reference: ReferenceSpec | None) -> object:
        if reference is None:
            return None
        if reference.model is not None:
            return self.model_key(reference.model, torch=False)
        if reference.recipe is not None:
            return self.plan(self.require(reference.recipe)).steps[-1].key
        return [one.key for one in voters(self._workshop, reference.pipeline or "")]

    def _build_key(self, recipe: RecipeSpec, last: str) -> str:
        digest = self._workshop.materials.sha256
        return keys.hash_of(
            {
                "recipe": RECIPE,
                "piece": last,
                "model": [recipe.model, self._workshop.require(recipe.model).version],
                "bar": recipe.bar.model_dump(mode="json"),
                "against": self._teacher_key(recipe.bar.against),
                "data": [[name, digest(name)] for name in self.judged_on(recipe)],
                "skip_broken": recipe.data.skip_broken,
                "tools": dict(keys.tool_versions(("onnxruntime", "numpy"))),
            }
        )
