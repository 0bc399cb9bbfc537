"""What the vote of each member of a pipeline's ensemble counts."""

from collections.abc import Sequence

from configs.pipeline import PipelineSpec
from models.card import Card
from models.errors import VariantNotFound
from models.store import Store


def member_weights(
    store: Store, pipeline: PipelineSpec, members: Sequence[Card]
) -> tuple[float, ...]:
    """One share a member, in the order of the spec: fitted, equal or as the spec says.

    Args:
        store: where fitted weights are.
        pipeline: whose members vote.
        members: their cards, in the order of the spec.

    Raises:
        VariantNotFound: the weights are to be fitted, and were not yet or for other
            files than these members have now.
    """
    said = pipeline.ensemble.weights
    if said == "fitted":
        return _fitted(store, pipeline, members)
    if said == "uniform":
        return (1 / len(members),) * len(members)
    return tuple(weight / sum(said) for weight in said)


def _fitted(
    store: Store, pipeline: PipelineSpec, members: Sequence[Card]
) -> tuple[float, ...]:
    found = store.ensemble(pipeline.id)
    names = tuple(card.model for card in members)
    files = tuple(card.model_file.sha256 for card in members)
    if (found.members, found.member_files) != (names, files):
        raise VariantNotFound(f"ensemble of {pipeline.id} with its members of now")
    return found.weights
