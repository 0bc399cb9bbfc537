"""Loads models before the first request, while nothing else happens on the replica."""

import logging
from collections.abc import Collection, Sequence

from deployments.errors import LoadFailed
from deployments.residency.admission import Enter, admit
from deployments.residency.eviction import Room
from deployments.residency.ledger import Ledger
from deployments.residency.loading import Loader
from deployments.residency.mover import Mover
from deployments.residency.seat import Seat, Stage

log = logging.getLogger(__name__)


def load_at_start(
    ledger: Ledger, loader: Loader, mover: Mover, keys: Collection[str] | None
) -> None:
    """See `Residency.load_at_start`."""
    strict = ledger.spec.loads_at_start and not ledger.is_bounded
    chosen = [
        seat for seat in _asked(ledger, keys) if _enters(ledger, loader, mover, seat)
    ]
    for seat, opening in [(seat, loader.open_soon(seat.tenant)) for seat in chosen]:
        try:
            mover.settle(seat, opening.result())
        except LoadFailed as error:
            seat.move(Stage.ABSENT)
            seat.size = Room()
            mover.fail(seat, error.reason)
            if strict:
                raise error.__cause__ or error from None


def _asked(ledger: Ledger, keys: Collection[str] | None) -> Sequence[Seat]:
    """The absent seats to load, the pinned ones first."""
    seats = [seat for seat in ledger.seats.values() if seat.stage is Stage.ABSENT]
    if keys is not None:
        seats = [seat for seat in seats if seat.key in keys]
    elif not ledger.spec.loads_at_start:
        seats = [seat for seat in seats if ledger.is_pinned(seat.tenant)]
    return sorted(seats, key=lambda seat: not ledger.is_pinned(seat.tenant))


def _enters(ledger: Ledger, loader: Loader, mover: Mover, seat: Seat) -> bool:
    """Whether a model may be loaded now; its room is then taken."""
    if mover.quarantine(seat, loader.crashes(seat.tenant)) is not None:
        return False
    need = ledger.expect(seat)
    if not isinstance(admit(need, ledger.books(), 0.0), Enter):
        log.warning("%s is not loaded at start: there is no room", seat.key)
        return False
    seat.move(Stage.LOADING)
    seat.size = need
    return True
