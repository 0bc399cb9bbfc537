"""The members of a pipeline as they are served: who votes, and how much it counts."""

from dataclasses import dataclass

from configs.model import ModelSpec
from models.card import Card
from models.errors import BuildFailed
from models.fit import member_cards
from models.weights import ensemble_terms, first_members
from models.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Voter:
    """A stored member and its part in the vote; see `models.recipes.bench.Teacher`."""

    card: Card
    spec: ModelSpec
    weight: float
    temperature: float
    by_majority: bool

    @property
    def key(self) -> tuple[object, ...]:
        """Everything that its part in an answer depends on."""
        seen = self.spec.front_end
        return (
            self.card.model_file.sha256,
            self.weight,
            self.temperature,
            self.by_majority,
            None if seen is None else seen.model_dump(mode="json"),
        )


def voters(workshop: Workshop, pipeline: str) -> tuple[Voter, ...]:
    """The members that answer for `pipeline` when nothing fails and there is time.

    So a cascade and a budget are all of their members, which they ask fewer of to save
    time; a fallback is nobody.

    Raises:
        BuildFailed: a member is no ONNX.
        ModelError: a member is not in the store, or a number of it was not fitted.
    """
    spec = workshop.catalogue.pipelines[pipeline]
    cards = member_cards(workshop, spec)
    terms = ensemble_terms(workshop.store, spec, cards)
    by_majority = spec.ensemble.strategy == "majority"
    found = []
    for at in first_members(spec):
        card = cards[at]
        if card.form != "onnx":
            reason = f"{card.model} {card.variant} must be ONNX, is {card.form}"
            raise BuildFailed(pipeline, "asking its members", reason)
        member = workshop.catalogue.versions(card.model)[card.version]
        share = terms.weights[at], terms.temperatures[at]
        found.append(Voter(card, member, *share, by_majority))
    return tuple(found)
