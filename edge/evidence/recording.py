"""Puts what evidence has found onto the stored card of a file, so that the card says it too."""

from edge.evidence.facts import Evidence
from models.card import AgreedFact, Card
from models.store import Store


def agreed(evidence: Evidence) -> tuple[AgreedFact, ...]:
    """Whose answers the file gives, in short. Pure."""
    return tuple(
        AgreedFact(
            against=one.against,
            dataset=evidence.dataset,
            same=one.agreement,
            expected=one.expected,
            sure=one.sure,
        )
        for one in evidence.agreements
    )


def record(store: Store, card: Card, evidence: Evidence) -> Card:
    """`card` with its agreements, stored so unless its file was made anew meanwhile.

    Raises:
        VariantNotFound: the variant was taken out of the store.
        StoreCorrupt: its card cannot be read.
        StoreUnwritable: the disk is full or refuses.
    """
    stored, found = store.card(card.model, card.version, card.variant), agreed(evidence)
    if stored.model_file == card.model_file and stored.agreements != found:
        store.save_card(stored.model_copy(update={"agreements": found}))
    return card.model_copy(update={"agreements": found})
