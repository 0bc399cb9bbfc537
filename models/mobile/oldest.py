"""A file for phones on the oldest runtime that a class may have, held to the newest here."""

from dataclasses import dataclass, replace

import numpy as np

from models.evaluate import Floats
from models.litert.toolings import Tools
from models.mobile import toolings
from models.mobile.asking import Asked, MobileAsker
from models.mobile.checks import OldestFact
from models.recipes.bench import Bench


@dataclass(frozen=True, slots=True)
class Newest:
    """What the newest runtime says to inputs: `output` [n, classes].

    `share`: of the span of its logits, by which another runtime may be off.
    """

    inputs: np.ndarray
    output: Floats
    share: float


def asked_oldest(
    asked: Asked, newest: Newest, photos: int, bench: Bench, tools: Tools
) -> OldestFact | str:
    """What the oldest runtime makes of the file; in words: it gives other answers.

    It may refuse the file: then it says which operator or version it lacks, and the file
    is for classes with a newer runtime.

    Raises:
        ToolFailed: its environment cannot be had, or the file ends its process.
    """
    runtime = toolings.oldest_runtime(asked.form)
    own = MobileAsker(asked, bench, tools)
    other = MobileAsker(replace(asked, oldest=True), bench, tools)
    refusal = other.refusal()
    if refusal:
        return OldestFact(runtime=runtime, refusal=refusal)
    dataset = bench.data.evaluation[0]
    exact, found = (one.logits(dataset, photos=photos) for one in (own, other))
    pairs = ((newest.output, other.raw(newest.inputs)), (exact, found))
    for here, there in pairs:
        reason = other_than(runtime, here, there, newest.share)
        if reason is not None:
            return reason
    return OldestFact(
        runtime=runtime,
        photos=len(found),
        agreement=float((found.argmax(1) == exact.argmax(1)).mean()),
        largest_difference=max(_apart(*pair) for pair in pairs),
    )


def other_than(runtime: str, exact: Floats, found: Floats, share: float) -> str | None:
    """Why `runtime` gives other logits [n, classes] than `exact`; None: it does not.

    `share`: of the span of `exact`, by which one may be off. What is no number is off.
    """
    most, apart = share * float(np.ptp(exact)), _apart(exact, found)
    if apart <= most:
        return None
    wanted = f"within {most:.2g} of those of the newest runtime"
    return f"logits of {runtime} must be {wanted}, got {apart:.2g}"


def _apart(exact: Floats, found: Floats) -> float:
    return float(np.abs(found - exact).max())
