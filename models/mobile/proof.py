"""The proof of a file for phones: run here, held to its source, written beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from configs.device import Arithmetic
from models.errors import BuildFailed
from models.evaluate import Floats, snr_db
from models.imaging import normalise
from models.litert import golden
from models.litert.cost import Cost
from models.litert.graph import Graph, Tensor
from models.litert.toolings import Tools
from models.mobile import toolings
from models.mobile.asking import Asked, MobileAsker
from models.mobile.checks import Checks, EndFact, OldestFact, SourceFact
from models.mobile.oldest import Newest, asked_oldest
from models.recipes.bench import NO_IMAGE, Bench
from models.recipes.pieces import Piece

SHARES: Mapping[Arithmetic, float] = {"int8": 0.02, "float16": 0.01, "float32": 0.001}
"""Of the span of the logits: other processors round otherwise, five of 255 steps in INT8."""

Rows = np.ndarray
Answers = Callable[[Rows], Floats]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of the file on so many photos and threads.

    `tolerance`: by how much a logit may be off its source; None: it is in fewer bits.
    `oldest`: the oldest runtime is asked as well, where there is one for this Python.
    """

    step: str
    photos: int
    threads: tuple[int, ...]
    min_agreement: float
    tolerance: float | None = None
    oldest: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A file as its converter left it; `said` are more fields of `Checks`.

    `source` answers pixels [n, h, w, c] as what the file was made of does.
    """

    asked: Asked
    runtime: str
    arithmetic: Arithmetic
    operators: Sequence[Mapping[str, object]]
    cost: Cost
    source: Answers
    said: Mapping[str, object] = field(default_factory=dict)


def prove(
    made: Made,
    wanted: Wanted,
    piece: Piece,
    bench: Bench,
    tools: Tools = toolings.environment,
) -> Mapping[str, object]:
    """Run the file, write `golden.npz` and `checks.json` beside it; what they say.

    Raises:
        BuildFailed: there are no photos, its answers are not those of its source, or
            they are not the same on other threads or on the oldest runtime.
        ToolFailed: the runtime refuses it.
    """
    seen = bench.spec.front_end
    if seen is None or not bench.data.evaluation:
        raise BuildFailed(bench.recipe.id, wanted.step, NO_IMAGE)
    asker, pixels = MobileAsker(made.asked, bench, tools), drawn(bench)
    inputs = pixels if made.asked.form == "coreml" else normalise(pixels, seen)
    output = asker.raw(inputs)
    others = {n: asker.raw(inputs, n) for n in wanted.threads if n != 1}
    share = SHARES[made.arithmetic]
    reason = unlike(output, others, share)
    if reason is not None:
        raise BuildFailed(bench.recipe.id, wanted.step, reason)
    said = {
        **_told(made, wanted, output, bench),
        "source": against_source(made, wanted, asker, bench),
        "golden_tolerance": _allowed(made, output, list(others.values()), pixels),
        "oldest": _oldest(made, wanted, Newest(inputs, output, share), bench, tools),
        "threads": {n: float(np.abs(o - output).max()) for n, o in others.items()},
    }
    told = Checks.model_validate(said).model_dump(mode="json")
    tolerance = np.float64(told["golden_tolerance"])
    if not np.isfinite(tolerance):
        raise BuildFailed(bench.recipe.id, wanted.step, golden.NO_NUMBERS)
    arrays = {"input": inputs, "output": output, "tolerance": tolerance}
    golden.write(piece.folder, arrays, told)
    return told


def unlike(output: Floats, others: Mapping[int, Floats], share: float) -> str | None:
    """Why answers by threads are not those on one, both [n, classes]; None: they are.

    `share`: of the span of the logits, by which one may be off. What is no number is off.
    """
    for threads, found in {1: output, **others}.items():
        if not np.isfinite(found).all():
            return f"logits must be numbers, those by {threads} threads are not all"
    most = share * float(np.ptp(output))
    for threads, found in others.items():
        apart = float(np.abs(found - output).max())
        if not apart <= most:
            wanted = f"within {most:.2g} of those by one"
            return f"logits by {threads} threads must be {wanted}, got {apart:.2g}"
        if (found.argmax(axis=-1) != output.argmax(axis=-1)).any():
            return f"classes by {threads} threads must be those by one, they are not"
    return None


def _oldest(
    made: Made, wanted: Wanted, newest: Newest, bench: Bench, tools: Tools
) -> OldestFact | None:
    if not wanted.oldest or not toolings.has_oldest(made.asked.form):
        return None
    found = asked_oldest(made.asked, newest, wanted.photos, bench, tools)
    if isinstance(found, str):
        raise BuildFailed(bench.recipe.id, wanted.step, found)
    return found


def _told(
    made: Made, wanted: Wanted, output: Floats, bench: Bench
) -> Mapping[str, object]:
    """What its converter has said of the file."""
    seen = bench.spec.front_end
    return {
        "form": made.asked.form,
        "runtime": made.runtime,
        "arithmetic": made.arithmetic,
        "operators": made.operators,
        "cost": asdict(made.cost),
        "front_end": None if seen is None else seen.model_dump(mode="json"),
        **_ends(made, output, bench),
        **made.said,
        **_unasked(made, wanted),
    }


def _unasked(made: Made, wanted: Wanted) -> Mapping[str, str]:
    """The caveat of a file that the oldest runtime should be asked about and is not."""
    form = made.asked.form
    if not wanted.oldest or toolings.has_oldest(form):
        return {}
    python = ".".join(map(str, toolings.NO_WHEELS[form]))
    why = f"there is no wheel of it for Python {python} and later"
    return {"caveat": f"{toolings.oldest_runtime(form)} was not asked: {why}"}


def against_source(
    made: Made, wanted: Wanted, asker: MobileAsker, bench: Bench
) -> SourceFact:
    """The file's answers to photos beside those of its source.

    Raises:
        BuildFailed: they agree on too few, or a logit is off by too much.
    """
    dataset, seen = bench.data.evaluation[0], bench.spec.front_end
    if seen is None:
        raise BuildFailed(bench.recipe.id, wanted.step, NO_IMAGE)
    crops = bench.materials.crops(dataset, seen, bench.progress)[: wanted.photos]
    exact, found = made.source(crops), asker.logits(dataset, photos=wanted.photos)
    fact = SourceFact(
        photos=len(found),
        agreement=float((found.argmax(1) == exact.argmax(1)).mean()),
        largest_difference=float(np.abs(found - exact).max()),
        snr_db=snr_db(exact, found),
    )
    reason = _against(fact, wanted)
    if reason is not None:
        raise BuildFailed(bench.recipe.id, wanted.step, reason)
    return fact


def _against(fact: SourceFact, wanted: Wanted) -> str | None:
    """Why the file is not what its source is; None: it is. What is no number is not."""
    apart, most = fact.largest_difference, wanted.tolerance
    if not np.isfinite(apart):
        return "logits must be numbers, the file's or the source's are not all"
    if most is not None and not apart <= most:
        return f"logits must be within {most} of the source's, got {apart:.2g}"
    if not fact.agreement >= wanted.min_agreement:
        least = f"on {wanted.min_agreement:.0%} of photos"
        found = f"does on {fact.agreement:.1%}"
        return f"the file must answer as its source does {least}, {found}"
    return None


def drawn(bench: Bench) -> Rows:
    """Pixels [rows, h, w, c] that look like images."""
    seen = bench.spec.front_end
    shape = (1, 1, 1) if seen is None else seen.shape
    graph = Graph((Tensor("image", (1, *shape), "UINT8"),), (), (0,), (0,))
    return golden.drawn(graph, bench.seed)


def _allowed(made: Made, output: Floats, others: list[Floats], pixels: Rows) -> float:
    """How much a device may be off: what was seen here, and a share of the span.

    Where nothing here ran the file, its source counts as one more way to run it.
    """
    if made.asked.form == "coreml":
        others = [*others, made.source(pixels)]
    least = SHARES[made.arithmetic] * float(np.ptp(output))
    return float(np.maximum(least, golden.tolerance(output, others)))


def _ends(made: Made, output: Floats, bench: Bench) -> Mapping[str, EndFact]:
    shape = bench.spec.inputs[0].shape
    if made.asked.form == "coreml":
        pixels = (1, *shape[1:], shape[0])
        taken = EndFact(shape=pixels, datatype="uint8", layout="image, RGB")
    else:
        taken = EndFact(
            shape=(1, *shape), datatype="float32", layout="NCHW, normalised"
        )
    given = (1, *output.shape[1:])
    return {
        "input": taken,
        "output": EndFact(shape=given, datatype="float32", layout="NC, logits"),
    }
