"""Training a network that rounds; importing this imports torch."""

from collections.abc import Iterator

import torch

from configs.augmentation import AugmentationSpec
from configs.edge_steps import QatLitertStep
from configs.steps import QatStep
from models import machine
from models.errors import BuildFailed
from models.recipes.bench import Bench
from models.training.architectures import Classifier
from models.training.fake_quant import Quantized, quantized
from models.training.loop import Plan, Training, top1
from models.training.session import Course, desk_of, labelled, open_sets
from models.training.tuning import own_lesson

LEVELS = {4: 7, 8: 127}
NARROW_LEVELS = 63


def recover(
    step: QatStep, network: Classifier, bench: Bench
) -> tuple[Quantized, dict[str, object]]:
    """Train the rounding twin of `network`; facts tell what rounding cost and gave back.

    Raises:
        ModelError: the photos cannot be had or the loss is no number any more.
    """
    levels = LEVELS[step.weights_bits]
    if step.weights_bits == 8 and machine.narrow("auto"):
        levels = NARROW_LEVELS
    twin = quantized(network, levels, _batches(step, bench))
    return twin, _trained(step, network, twin, bench)


def recover_for_litert(
    step: QatLitertStep, network: Classifier, bench: Bench
) -> tuple[Quantized, dict[str, object]]:
    """The same as LiteRT rounds: no CPU narrows its weights, the head has one scale.

    Raises:
        ModelError: the photos cannot be had or the loss is no number any more.
    """
    twin = quantized(network, LEVELS[8], _batches(step, bench), head_in_one=True)
    return twin, _trained(step, network, twin, bench)


def _trained(
    step: QatStep | QatLitertStep, network: Classifier, twin: Quantized, bench: Bench
) -> dict[str, object]:
    course = Course(open_sets(bench), AugmentationSpec(), desk_of(bench))
    validation = course.sets.validation
    before = {
        "float_top1": top1(network, validation),
        "ptq_top1": top1(twin, validation),
    }
    plan = Plan("qat", step.epochs, step.batch, step.lr, step.epochs, bench.seed)
    lesson = own_lesson(twin, network, course, bench.seed)
    history = Training(twin, plan, course.desk).run(
        len(course.sets.train), lesson, lambda: top1(twin, validation)
    )
    return {**before, "qat_top1": history.best_top1, "training": history.facts()}


def _batches(step: QatStep | QatLitertStep, bench: Bench) -> Iterator[torch.Tensor]:
    if bench.data.calibration is None:
        reason = "needs photos: name a dataset in data.calibration"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    photos = labelled(bench, bench.data.calibration)
    last = min(len(photos), step.batch * step.calibration_batches)
    for start in range(0, last, step.batch):
        yield photos.inputs(torch.arange(start, min(start + step.batch, last)))
