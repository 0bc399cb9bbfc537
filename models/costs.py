"""What asking a member for one photo costs, by its card. Pure but for reading the store."""

from collections.abc import Sequence

from models import machine
from models.card import Card
from models.store import Store
from models.timing import timed


def costs_ms(store: Store, cards: Sequence[Card]) -> tuple[tuple[float, ...], str]:
    """Milliseconds of one photo on one thread by member, and what is to say of them.

    When a member was never timed, all count alike.
    """
    here, found, elsewhere = machine.kind(machine.describe()), [], []
    for card in cards:
        facts, is_here = timed(store, card, here)
        alone = [f for f in facts if (f.batch_size, f.threads) == (1, 1)]
        if not alone:
            return (1.0,) * len(cards), f"{card.model} was never timed: all cost alike"
        found.append(alone[0].p50_ms)
        elsewhere += [] if is_here else [card.model]
    told = f"timed on another kind of machine: {', '.join(elsewhere)}"
    return tuple(found), told if elsewhere else ""
