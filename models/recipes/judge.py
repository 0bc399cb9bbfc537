"""Measures an ONNX piece on the recipe's photos and on this machine's CPU.

Pieces of other forms have judges of their own; `models.steps.registry` names them.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.card import LatencyFact, MeasuredFact
from models.datasets import Dataset
from models.evaluate import Floats, judge, quality
from models.measure import measure_beside, measure_together
from models.recipes.bench import Bench, Teacher
from models.recipes.judged import ChangeFact, Judged
from models.recipes.pieces import Piece
from models.recipes.voting import voted_logits

Times = tuple[LatencyFact, ...]
Judge = Callable[[Piece, Sequence[Teacher], Bench], Judged]

MOST_CHANGES = 12


def judge_onnx(piece: Piece, reference: Sequence[Teacher], bench: Bench) -> Judged:
    """Everything a card says of `piece`, beside `reference` where there is one.

    Raises:
        ModelError: a dataset or a file cannot be read, or nothing can run the piece.
    """
    own_times, *other_times = _times(Teacher(piece, bench.spec), reference, bench)
    facts, changes = [], []
    for name in bench.data.evaluation:
        dataset = bench.materials.dataset(name)
        scores = bench.logits_of(piece, name)
        voted = voted_logits(reference, name, bench)
        facts.append(quality(dataset, scores, voted))
        if voted is not None:
            changes += _changes(dataset, voted, scores)
    return Judged(
        name=bench.recipe.variant,
        form="onnx",
        size_bytes=piece.onnx.stat().st_size,
        quality=tuple(facts),
        latency=own_times,
        measured=_beside(piece, bench),
        changes=tuple(changes),
        reference=_reference(reference, other_times, bench),
    )


def _beside(piece: Piece, bench: Bench) -> MeasuredFact | None:
    """What only the first dataset is asked for."""
    if not bench.data.evaluation or bench.spec.front_end is None:
        return None
    name = bench.data.evaluation[0]
    crops = bench.materials.crops(name, bench.spec.front_end, bench.progress)
    photos = crops, bench.materials.dataset(name).labels
    scores = bench.logits_of(piece, name)
    return measure_beside(piece.onnx, bench.spec, photos, scores, bench.progress)


def _reference(
    teachers: Sequence[Teacher], times: Sequence[Times], bench: Bench
) -> Judged | None:
    if not teachers:
        return None
    facts = [
        quality(bench.materials.dataset(name), voted)
        for name in bench.data.evaluation
        if (voted := voted_logits(teachers, name, bench)) is not None
    ]
    return Judged(
        name=" + ".join(teacher.spec.id for teacher in teachers),
        form="onnx",
        size_bytes=sum(one.piece.onnx.stat().st_size for one in teachers),
        quality=tuple(facts),
        latency=_summed(times),
    )


def _times(own: Teacher, others: Sequence[Teacher], bench: Bench) -> list[Times]:
    """In turns with those that take the same input, so that a busy spell hits all."""
    each = [own, *others]
    if all(one.spec.inputs == own.spec.inputs for one in others):
        files = [one.piece.onnx for one in each]
        return measure_together(files, own.spec, bench.progress)
    return [
        measure_together([one.piece.onnx], one.spec, bench.progress)[0] for one in each
    ]


def _summed(each: Sequence[Times]) -> tuple[LatencyFact, ...]:
    """What the members take one after the other."""
    return tuple(
        rows[0].model_copy(
            update={
                "p50_ms": round(sum(row.p50_ms for row in rows), 3),
                "p99_ms": round(sum(row.p99_ms for row in rows), 3),
            }
        )
        for rows in zip(*each, strict=True)
    )


def _changes(dataset: Dataset, before: Floats, after: Floats) -> list[ChangeFact]:
    """The pairs of answers that changed most often."""
    old, new = judge(before, dataset.labels), judge(after, dataset.labels)
    moved = np.flatnonzero(old.predicted != new.predicted)
    pairs = Counter((int(old.predicted[i]), int(new.predicted[i])) for i in moved)
    return [
        ChangeFact(
            dataset=dataset.name,
            before=first,
            after=second,
            photos=photos,
            right_before=_both(
                old.predicted == first, new.predicted == second, old.right
            ),
            right_after=_both(
                old.predicted == first, new.predicted == second, new.right
            ),
        )
        for (first, second), photos in pairs.most_common(MOST_CHANGES)
    ]


def _both(*flags: NDArray[np.bool_]) -> int:
    return int(np.logical_and.reduce(flags).sum())
