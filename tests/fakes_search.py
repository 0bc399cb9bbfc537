"""Recipes with a search, and runs of their candidates that take no time."""

from pathlib import Path

from configs.recipe import RecipeSpec
from edge.search.estimates import Estimate
from edge.search.variations import Variation
from models.card import Interval, LatencyFact, QualityFact
from models.errors import BuildFailed
from models.litert.cost import Cost
from models.recipes.bar import findings, refused
from models.recipes.engine import Result
from models.recipes.judged import Judged
from models.recipes.pieces import MAIN, Piece
from models.recipes.plan import Plan
from models.statistics import wilson
from tests import fakes_mobile
from tests.tiny_lite import tiny_float, tiny_int8

DIGEST = "0" * 64
FORM_RUNTIMES = {"executorch": "executorch-1.4.0", "ort": "onnxruntime-1.18.0"}


def a_recipe(**changes: object) -> RecipeSpec:
    """A recipe that tries two widths, pruning and both ways to INT8."""
    said: dict[str, object] = {
        "id": "find",
        "title": "A search",
        "model": "digits",
        "variant": "found",
        "source": {"architecture": "residual"},
        "data": {"evaluation": ["digits"]},
        "steps": [
            {
                "step": "train",
                "architecture": "residual",
                "options": {"stem": 16, "stages": "32:24:2"},
            },
            {"step": "litert-convert"},
            {"step": "litert-quantize"},
            {"step": "litert-check"},
        ],
        "search": {
            "widths": [0.5, 2],
            "pruning": [0, 0.5],
            "quantization": ["ptq", "qat"],
            "minutes": 10,
        },
        "bar": {"metric": "top1", "min_top1": 0.8, "max_drop_points": 50},
        "devices": ["mobile"],
    }
    return RecipeSpec.model_validate({**said, **changes})


def judged(variant: str, right: int, size_bytes: int = 1000) -> Judged:
    """Right on `right` of 1000 rows, as what it is held against."""
    fact = QualityFact(
        dataset="digits",
        dataset_sha256=DIGEST,
        top1=wilson(right, 1000),
        top5=wilson(1000, 1000),
        drop_points=Interval(value=0, low=0, high=0),
    )
    once = LatencyFact(batch_size=1, threads=1, p50_ms=0.5, p99_ms=1, runs=9)
    return Judged(
        name=variant,
        form="litert",
        size_bytes=size_bytes,
        quality=(fact,),
        latency=(once,),
        reference=Judged(name="t", form="onnx", size_bytes=9000, quality=(fact,)),
    )


def _write(folder: Path, spec: RecipeSpec) -> int:
    """The file that the last step of `spec` would leave; how large it is."""
    form = spec.steps[-1].step.removesuffix("-export")
    if form in ("executorch", "ort"):
        file = folder / MAIN["executorch" if form == "executorch" else "ort"]
        file.write_bytes(b"a file for phones")
        checks = fakes_mobile.checks(form, FORM_RUNTIMES[form])
        (folder / "checks.json").write_text(checks.model_dump_json())
        return file.stat().st_size
    content = tiny_float() if spec.id.endswith("float32") else tiny_int8()
    (folder / "model.tflite").write_bytes(content)
    return len(content)


class Runs:
    """Runs candidates; each takes `minutes` of its clock and is right as `right` says."""

    def __init__(
        self, folder: Path, right: dict[str, int] | None = None, minutes: float = 1
    ) -> None:
        self.folder, self.right, self.minutes = folder, right or {}, minutes
        self.now_s, self.ran = 0.0, list[str]()
        self.broken: set[str] = set()
        self.recipes: dict[str, RecipeSpec] = {}

    def knows(self, found: tuple[Variation, ...]) -> "Runs":
        """Every one of `found` can be run."""
        self.recipes |= {one.recipe.id: one.recipe for one in found}
        return self

    def run(self, recipe: str) -> Result:
        self.now_s += 60 * self.minutes
        self.ran.append(recipe.removeprefix("find-"))
        if self.ran[-1] in self.broken:
            raise BuildFailed(recipe, "train", "the loss is nan")
        spec, folder = self.recipes[recipe], self.folder / recipe
        folder.mkdir()
        size_bytes = _write(folder, spec)
        found = judged(spec.variant, self.right.get(self.ran[-1], 900), size_bytes)
        told = findings(spec.bar, found)
        plan = Plan(spec, DIGEST, (), DIGEST)
        bad = refused(spec.bar, told)
        return Result(plan, (Piece(folder),), found, told, bad, fresh=True)

    def cost(self, one: Variation) -> Estimate:
        """Twice as wide costs four times as much; a pruned one half."""
        macs = int(1e6 * one.width**2 * (1 - one.pruning))
        wide = one.quantization == "float32"
        return Estimate(Cost(macs, macs // 10, 1000), wide, one.form)

    def clock(self) -> float:
        return self.now_s
