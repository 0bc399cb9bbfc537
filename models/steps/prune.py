"""The steps `prune-unstructured` and `prune-channels`, with training between rounds.

The network that comes in is the teacher of the one that goes out. Zeros save nothing on
CPU, only whole channels do: the first is for hardware and formats that skip zeros.
"""

from collections.abc import Mapping
from pathlib import Path

from configs.steps import PruneChannelsStep, PruneUnstructuredStep
from models.errors import BuildFailed
from models.recipes.bench import Bench
from models.recipes.pieces import Piece


def run_unstructured(
    step: PruneUnstructuredStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Set the smallest weights to zero; a torch piece of the same shape.

    Raises:
        ModelError: the source, the photos or the training fail.
    """
    from models.training import session, sparsity, weights

    network = session.source_network(bench, source)
    facts = sparsity.thin_out(step, network.module, bench)
    weights.save(network, target)
    return facts


def run_channels(
    step: PruneChannelsStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Take whole channels away; a torch piece with smaller layers.

    Raises:
        ModelError: the source, the photos, the training or the library fail.
    """
    from models.training import session, weights

    try:
        from models.training import channels
    except ImportError as error:
        reason = f"{error.name} is missing: install headwater[build]"
        raise BuildFailed(bench.recipe.id, step.step, reason) from error
    network = session.source_network(bench, source)
    facts = channels.narrow_down(step, network.module, bench)
    weights.save(network, target)
    return facts
