"""What all replicas together say of a model. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from configs.pipeline import PipelineSpec
from deployments.control import Indexed, ReplicaState, State
from deployments.editions import DEFAULT, Wish
from deployments.repository.reports import Report, SeatReport
from deployments.residency.standing import UNLOADED

RANK: tuple[State, ...] = ("READY", "LOADING", "UNLOADING", "UNAVAILABLE")
"""A version is what its best replica is."""


def index_models(
    wishes: Mapping[str, Wish], reports: Sequence[Report]
) -> list[Indexed]:
    """Every served version of every model, ordered by both."""
    told: dict[tuple[str, str], list[tuple[Report, SeatReport]]] = {}
    for report in reports:
        for seat in report.seats:
            told.setdefault((seat.name, seat.version), []).append((report, seat))
    return [
        _indexed(name, str(one.version), told.get((name, str(one.version)), []))
        for name, wish in sorted(wishes.items())
        for one in wish.editions
    ]


def index_pipelines(
    pipelines: Mapping[str, PipelineSpec],
    withdrawn: Iterable[str],
    models: Sequence[Indexed],
    wishes: Mapping[str, Wish],
) -> list[Indexed]:
    """Every pipeline: as good as the least of its members."""
    gone = {*withdrawn}
    states = {(one.name, one.version): one for one in models}
    found = []
    for name, spec in sorted(pipelines.items()):
        version = str(spec.version)
        if name in gone:
            found.append(Indexed(name, version, "UNAVAILABLE", UNLOADED))
            continue
        members = []
        for member in spec.ensemble.members:
            number = member.version or wishes[member.model].words[DEFAULT]
            members.append(states[member.model, str(number)])
        worst = max(members, key=_badness)
        reason = "" if worst.state == "READY" else f"{worst.name}: {worst.reason}"
        found.append(Indexed(name, version, worst.state, reason))
    return found


def _badness(one: Indexed) -> tuple[int, bool]:
    return RANK.index(one.state), one.reason == UNLOADED


def _indexed(
    name: str, version: str, told: Sequence[tuple[Report, SeatReport]]
) -> Indexed:
    replicas = tuple(
        ReplicaState(
            report.place.replica,
            seat.state,
            seat.reason,
            seat.resident_bytes,
            seat.runtime,
        )
        for report, seat in sorted(told, key=lambda pair: pair[0].place.replica)
    )
    if not replicas:
        return Indexed(name, version, "UNAVAILABLE", "no replica has it")
    best = min(replicas, key=lambda one: RANK.index(one.state))
    reason = next((one.reason for one in replicas if one.state == best.state), "")
    return Indexed(name, version, best.state, reason, replicas)
