"""The step `train`: an architecture from scratch, or a torch piece trained further."""

from collections.abc import Mapping
from pathlib import Path

from configs.steps import TrainStep
from models.recipes.bench import Bench
from models.recipes.pieces import Piece


def run(
    step: TrainStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Train on labels; a torch piece.

    Raises:
        ModelError: the architecture, the photos or the training fail.
    """
    from models.training import session, weights
    from models.training.loop import Plan

    architecture = step.architecture or bench.recipe.source.architecture
    if architecture is None or (step.architecture is None and source is not None):
        network = session.source_network(bench, source)
    else:
        network = session.begin(bench, architecture, step.options)
    course = session.Course(
        session.open_sets(bench), step.augmentation, session.desk_of(bench)
    )
    plan = Plan("train", step.epochs, step.batch, step.lr, step.patience, bench.seed)
    history = session.learn_labels(network.module, plan, course)
    weights.save(network, target)
    return {"photos": len(course.sets.train), **history.facts()}
