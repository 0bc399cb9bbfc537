"""Unstructured pruning: the smallest weights of the whole network become zero."""

import copy
from collections.abc import Mapping
from functools import partial

import torch
from torch import nn

from configs.augmentation import AugmentationSpec
from configs.steps import PruneUnstructuredStep
from models.recipes.bench import Bench
from models.training.architectures import Classifier
from models.training.loop import top1
from models.training.session import Course, desk_of, open_sets
from models.training.tuning import Rounds, schedule

Masks = Mapping[str, torch.Tensor]


def thin_out(
    step: PruneUnstructuredStep, network: Classifier, bench: Bench
) -> dict[str, object]:
    """Prune `network` in place to the step's sparsity; facts tell each round.

    Raises:
        ModelError: the photos cannot be had or the loss is no number any more.
    """
    course = Course(open_sets(bench), AugmentationSpec(), desk_of(bench))
    before = copy.deepcopy(network)
    rounds = Rounds(step, before, course, bench.seed)
    validation, told = course.sets.validation, []
    for number, share in enumerate(schedule(step.sparsity, step.rounds)):
        masks = smallest(network, share)
        apply(network, masks)
        pruned = top1(network, validation)
        tuned = rounds.tune(number, network, partial(apply, network, masks))
        told.append({"sparsity": round(share, 4), "pruned": pruned, "tuned": tuned})
    return {
        "source_top1": top1(before, validation),
        "top1": top1(network, validation),
        "zeros": round(zeros(network), 4),
        "rounds": told,
    }


def smallest(network: nn.Module, share: float) -> Masks:
    """For each weight tensor where it stays: all but the smallest `share` of them all."""
    held = _weights(network)
    sizes = torch.cat([one.detach().abs().flatten() for one in held.values()])
    count = round(share * len(sizes))
    if count == 0:
        return {name: torch.ones_like(one) for name, one in held.items()}
    limit = sizes.kthvalue(count).values
    return {name: (one.detach().abs() > limit).float() for name, one in held.items()}


@torch.no_grad()
def apply(network: nn.Module, masks: Masks) -> None:
    """Set to zero what `masks` does not keep."""
    for name, one in _weights(network).items():
        one.mul_(masks[name])


def zeros(network: nn.Module) -> float:
    """The share of the weights that are zero."""
    held = list(_weights(network).values())
    none = sum(int((one == 0).sum()) for one in held)
    return none / sum(one.numel() for one in held)


def _weights(network: nn.Module) -> dict[str, nn.Parameter]:
    return {name: one for name, one in network.named_parameters() if one.ndim > 1}
