"""Structured pruning with Torch-Pruning: whole channels go, and shapes really shrink."""

import copy

import torch
import torch_pruning

from configs.augmentation import AugmentationSpec
from configs.steps import PruneChannelsStep
from models.recipes.bench import Bench
from models.training.architectures import Classifier
from models.training.loop import top1
from models.training.session import Course, desk_of, open_sets
from models.training.tuning import Rounds, schedule


def narrow_down(
    step: PruneChannelsStep, network: Classifier, bench: Bench
) -> dict[str, object]:
    """Prune `network` in place to the step's ratio; facts tell each round.

    Raises:
        ModelError: the photos cannot be had or the loss is no number any more.
    """
    course = Course(open_sets(bench), AugmentationSpec(), desk_of(bench))
    before, example = copy.deepcopy(network), course.sets.train.inputs(torch.arange(2))
    rounds = Rounds(step, before, course, bench.seed)
    validation, told = course.sets.validation, []
    pruner = _pruner(step, network, example)
    for number in range(step.rounds):
        pruner.step()
        pruned = top1(network, validation)
        tuned = rounds.tune(number, network)
        macs = _macs(network, example)
        told.append({"macs": macs, "pruned": pruned, "tuned": tuned})
    return {
        "source_top1": top1(before, validation),
        "top1": top1(network, validation),
        "source_parameters": _parameters(before),
        "parameters": _parameters(network),
        "source_macs": _macs(before, example),
        "macs": _macs(network, example),
        "rounds": told,
    }


def _pruner(
    step: PruneChannelsStep, network: Classifier, example: torch.Tensor
) -> torch_pruning.pruner.MagnitudePruner:
    network.eval().requires_grad_(True)
    return torch_pruning.pruner.MagnitudePruner(
        network,
        example,
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=step.ratio,
        iterative_steps=step.rounds,
        iterative_pruning_ratio_scheduler=lambda ratio, rounds: [
            0.0, *schedule(ratio, rounds),
        ],
        ignored_layers=[network.head],
        round_to=step.round_to,
    )  # fmt: skip


def _macs(network: Classifier, example: torch.Tensor) -> int:
    """Multiplications for one photo."""
    return int(torch_pruning.utils.count_ops_and_params(network.eval(), example[:1])[0])


def _parameters(network: Classifier) -> int:
    return sum(one.numel() for one in network.parameters())
