"""Measures a file for phones on the recipe's photos, and on this machine's CPU if it can."""

import os
from collections.abc import Sequence

from configs.device import DeviceForm
from models.card import LatencyFact, MeasuredFact
from models.errors import BuildFailed
from models.evaluate import calibration_error
from models.litert.judge import RUNS, WARM, qualities, reference_of, thread_counts
from models.litert.toolings import Tools
from models.mobile import toolings
from models.mobile.asking import MobileAsker, asked_of
from models.recipes.bench import Bench, Teacher
from models.recipes.judged import Judged
from models.recipes.pieces import PACKAGE, Piece
from models.statistics import latency_fact


def judge_mobile(
    piece: Piece,
    reference: Sequence[Teacher],
    bench: Bench,
    tools: Tools = toolings.environment,
) -> Judged:
    """Everything a card says of `piece`, beside `reference` where there is one.

    A Core ML package has no times: nothing here runs it.

    Raises:
        BuildFailed: it is of another form.
        ModelError: a dataset cannot be read, or the runtime refuses the file.
    """
    asked = asked_of(piece)
    if asked is None:
        reason = f"it judges files for phones, got a piece of form {piece.form}"
        raise BuildFailed(bench.recipe.id, "judge", reason)
    form, asker = asked.form, MobileAsker(asked, bench, tools)
    own, other = qualities(asker.logits, reference, bench)
    counts = () if form == "coreml" else thread_counts(os.cpu_count() or 1)
    times = [_time(asker, count) for count in counts]
    return Judged(
        name=bench.recipe.variant,
        form=form,
        size_bytes=_size_bytes(piece, form),
        quality=tuple(own),
        latency=tuple(fact for fact, _ in times),
        measured=_beside(asker, bench, times[0][1] if times else None),
        reference=reference_of(reference, other, bench),
    )


def _size_bytes(piece: Piece, form: DeviceForm) -> int:
    if form != "coreml":
        return piece.main(form).stat().st_size
    package = piece.folder / PACKAGE
    return sum(file.stat().st_size for file in piece.files() if package in file.parents)


def _time(asker: MobileAsker, threads: int) -> tuple[LatencyFact, int | None]:
    told = asker.timed(threads, RUNS + WARM)
    return latency_fact(told["times_ms"][WARM:], 1, threads), told["grown_bytes"]


def _beside(asker: MobileAsker, bench: Bench, grown: int | None) -> MeasuredFact | None:
    """What only the first dataset is asked for."""
    if not bench.data.evaluation:
        return None
    name = bench.data.evaluation[0]
    labels = bench.materials.dataset(name).labels
    return MeasuredFact(
        peak_memory_bytes=grown,
        calibration_error=calibration_error(asker.logits(name), labels),
    )
