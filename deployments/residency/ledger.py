"""The seats of a replica as the deciders see them: sizes, demand, who may go."""

from collections.abc import Callable, Collection, Sequence

from configs.pool import PoolSpec
from deployments.residency.admission import UNBOUNDED, Books, Occupant
from deployments.residency.demand import Forecast
from deployments.residency.eviction import Resident, Room, victims
from deployments.residency.seat import Seat, Stage, Tenant
from deployments.residency.sizes import Sizes

HORIZON_S = 30.0
"""How far ahead demand counts: a model evicted now is paid for by who asks soon."""

LEAST_RELOAD_S = 0.01
RELOAD_S_PER_BYTE = 5e-9
"""What a reload is taken to cost before one was measured."""

DOUBT = 1.5
"""How much too large a model may seem that was not measured often enough."""

GOING = (Stage.DRAINING, Stage.LEAVING)


class Ledger:
    """Counts; changes nothing."""

    def __init__(
        self, spec: PoolSpec, sizes: Sizes, clock: Callable[[], float]
    ) -> None:
        self.spec, self.clock, self._sizes = spec, clock, sizes
        self.seats: dict[str, Seat] = {}
        self.pins: frozenset[str] = frozenset()
        self.forecast: Forecast | None = None
        self.limit = Room(
            spec.memory_bytes or UNBOUNDED, spec.device_memory_bytes or UNBOUNDED
        )

    @property
    def is_bounded(self) -> bool:
        """Whether anything ever has to leave."""
        return self.limit != Room(UNBOUNDED, UNBOUNDED)

    def is_pinned(self, tenant: Tenant) -> bool:
        """Whether a model stays whatever comes."""
        return tenant.name in self.spec.pinned or tenant.key in self.pins

    def occupied(self) -> Room:
        """What all models hold that are in memory, or on their way in or out."""
        return sum((seat.size for seat in self.seats.values()), Room())

    def books(self) -> Books:
        """Everything that admission wants to know."""
        now_s = self.clock()
        seats = self.seats.values()
        leaving = [seat.size for seat in seats if seat.stage in GOING]
        return Books(
            limit=self.limit,
            occupied=self.occupied(),
            leaving=sum(leaving, Room()),
            occupants=[
                self._occupant(seat, now_s)
                for seat in seats
                if seat.stage is Stage.RESIDENT
            ],
            min_resident_s=self.spec.min_resident_s,
            now_s=now_s,
        )

    def expect(self, seat: Seat) -> Room:
        """What a model will take when it is loaded.

        A guess keeps no model out that may fit: it is loaded and measured.
        """
        tenant = seat.tenant
        expected = self._sizes.expect(tenant.digest, tenant.size_bytes)
        if self._sizes.is_sure(tenant.digest):
            return expected
        free = self.free_for(seat)
        return Room(
            max(tenant.size_bytes, min(expected.host, free.host)),
            min(expected.device, max(0, free.device)),
        )

    def counted(self, seat: Seat, size: Room) -> Room:
        """What is counted for a model that was just loaded and measured.

        Others' memory may have fallen into one measurement; until there are several, one
        that is a little too large does not make the model too large.
        """
        free = self.free_for(seat)
        if self._sizes.is_sure(seat.tenant.digest) or free.holds(size):
            return size
        doubted = Room(int(size.host / DOUBT), int(size.device / DOUBT))
        if not free.holds(doubted):
            return size
        return Room(min(size.host, free.host), min(size.device, free.device))

    def free_for(self, seat: Seat) -> Room:
        """What can be free for a model at most, beside those that always stay."""
        return self.limit - self.pinned_beside(seat)

    def pinned_beside(self, seat: Seat) -> Room:
        """What models hold that stay whatever comes, `seat` left out."""
        pinned = [
            other.size
            for other in self.seats.values()
            if other is not seat and self.is_pinned(other.tenant)
        ]
        return sum(pinned, Room())

    def overrun(self, newcomer: Seat) -> Sequence[str]:
        """Who leaves because `newcomer` took more than there was room for."""
        over = self.occupied() - self.limit
        if Room().holds(over):
            return []
        now_s = self.clock()
        others = [seat for seat in self.movable() if seat is not newcomer]
        return victims([self.resident(s, s.size, now_s) for s in others], over) or []

    def resident(self, seat: Seat, size: Room, now_s: float) -> Resident:
        """A model of `size` as it is weighed against others."""
        return Resident(seat.key, size, self.demand(seat, now_s), self.reload_s(seat))

    def demand(self, seat: Seat, now_s: float) -> float:
        """Requests a second that are to be expected."""
        seat.demand.learn(seat.uses, seat.used_s)
        if self.forecast is not None:
            expected = self.forecast.expect(seat.key, now_s, HORIZON_S)
            if expected is not None:
                return expected
        return seat.demand.rate(now_s)

    def reload_s(self, seat: Seat) -> float:
        """What loading it takes, measured or guessed."""
        guess_s = RELOAD_S_PER_BYTE * seat.tenant.size_bytes
        return seat.reload_s or max(LEAST_RELOAD_S, guess_s)

    def fits(self, seat: Seat) -> bool:
        """Whether a loaded model may stay, now that its size is known."""
        return self.free_for(seat).holds(seat.size)

    def last_uses(self) -> dict[str, float]:
        """When each model that may idle out was last asked for or loaded."""
        return {
            seat.key: max(seat.used_s, seat.since_s)
            for seat in self.movable()
            if not seat.in_use
        }

    def movable(self) -> Collection[Seat]:
        """Resident models that are not pinned."""
        return [
            seat
            for seat in self.seats.values()
            if seat.stage is Stage.RESIDENT and not self.is_pinned(seat.tenant)
        ]

    def _occupant(self, seat: Seat, now_s: float) -> Occupant:
        return Occupant(
            self.resident(seat, seat.size, now_s),
            seat.in_use,
            self.is_pinned(seat.tenant),
            seat.since_s,
        )
