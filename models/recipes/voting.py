"""What several models say together: the vote of the pipeline that they are of."""

from collections.abc import Sequence

import numpy as np

from models.calibration import tempered
from models.ensembles import majority_vote, mean_vote
from models.evaluate import Floats
from models.recipes.bench import Bench, Teacher

LEAST_SHARE = 1e-7
"""Smaller shares of a vote count as this: logarithms must end somewhere."""


def voted_logits(
    teachers: Sequence[Teacher], dataset: str, bench: Bench
) -> Floats | None:
    """What `teachers` answer together on `dataset`, [n, classes]; None: there are none.

    Raises:
        ModelError: see `models.recipes.bench.Bench.logits_of`.
    """
    logits = [bench.logits_of(one.piece, dataset, one.spec) for one in teachers]
    return voted(teachers, logits) if logits else None


def voted(teachers: Sequence[Teacher], logits: Sequence[Floats]) -> Floats:
    """Logits [rows, classes] whose softmax is what `teachers` answer together.

    Members are tempered and counted by the functions that do it when they are served.

    Args:
        teachers: one, or the members of one pipeline.
        logits: theirs in that order, [rows, classes] each.
    """
    first = teachers[0]
    if len(teachers) == 1 and not first.by_majority:
        own, at = logits[0], first.temperature
        return own if at == 1.0 else own / own.dtype.type(at)
    shares = [
        tempered(own, one.temperature)
        for own, one in zip(logits, teachers, strict=True)
    ]
    count = majority_vote if first.by_majority else mean_vote
    vote = count(shares, [one.weight for one in teachers])
    found: Floats = np.log(np.maximum(vote, vote.dtype.type(LEAST_SHARE)))
    return found
