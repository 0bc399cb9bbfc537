"""How a pipeline's ensemble votes: what was fitted for it, or what its spec says."""

from collections.abc import Sequence
from dataclasses import dataclass

from configs.pipeline import BudgetSpec, CascadeSpec, PipelineSpec
from models.card import Card, EnsembleCard
from models.costs import costs_ms
from models.errors import VariantNotFound
from models.store import Store


@dataclass(frozen=True, slots=True)
class Terms:
    """By member, in the order of the spec.

    `order`: who is asked first, second, ... of those that are no fallback; `thresholds`:
    how sure is enough after each of these but the last. `values`: what a choice of
    members is worth, the larger the better; empty: the sum of their weights.
    """

    weights: tuple[float, ...]
    temperatures: tuple[float, ...]
    order: tuple[int, ...] = ()
    thresholds: tuple[float, ...] = ()
    values: tuple[tuple[tuple[int, ...], float], ...] = ()


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
        return fitted(store, pipeline, members).weights
    if said == "uniform":
        return (1 / len(members),) * len(members)
    return tuple(weight / sum(said) for weight in said)


def ensemble_terms(
    store: Store, pipeline: PipelineSpec, members: Sequence[Card]
) -> Terms:
    """Everything that an ensemble votes by; for arguments see `member_weights`.

    Raises:
        VariantNotFound: something is to be fitted, and was not yet or for other files
            than these members have now.
    """
    spec = pipeline.ensemble
    card = fitted(store, pipeline, members) if spec.fits else None
    order, thresholds = _cascade(store, pipeline, members, card)
    return Terms(
        weights=member_weights(store, pipeline, members),
        temperatures=_temperatures(pipeline, card),
        order=order,
        thresholds=thresholds,
        values=_values(pipeline, card),
    )


def fitted(
    store: Store, pipeline: PipelineSpec, members: Sequence[Card]
) -> EnsembleCard:
    """What was fitted for these very members.

    Raises:
        VariantNotFound: nothing was, or it lacks what the spec asks for.
    """
    names = tuple(card.model for card in members)
    files = tuple(card.model_file.sha256 for card in members)
    found = store.ensemble(pipeline.id, files)
    if (found.members, found.member_files) != (names, files):
        raise VariantNotFound(f"ensemble of {pipeline.id} with its members of now")
    has = {"weights": True, "temperatures": bool(found.calibration)}
    has |= {"thresholds": _is_of(pipeline, found), "values": bool(found.subsets)}
    for key in pipeline.ensemble.fits:
        if not has[key]:
            raise VariantNotFound(f"fitted {key} of {pipeline.id} as its file is now")
    return found


def first_members(pipeline: PipelineSpec) -> list[int]:
    """The members that are no fallback, counted from 0."""
    members = enumerate(pipeline.ensemble.members)
    return [at for at, member in members if not member.fallback]


def _is_of(pipeline: PipelineSpec, found: EnsembleCard) -> bool:
    """Whether a stored cascade keeps the promise that the spec makes now."""
    spec, made = pipeline.ensemble, found.cascade
    if not isinstance(spec, CascadeSpec) or made is None:
        return False
    wanted = (spec.confidence, spec.max_drop_points, spec.min_accuracy)
    if wanted != (made.confidence, made.max_drop_points, made.min_accuracy):
        return False
    asked = [pipeline.ensemble.members[at].seat for at in first_members(pipeline)]
    listed = spec.order == "listed"
    return list(made.order) == asked if listed else set(made.order) == set(asked)


def _temperatures(
    pipeline: PipelineSpec, card: EnsembleCard | None
) -> tuple[float, ...]:
    said = pipeline.ensemble.temperatures
    if isinstance(said, tuple):
        return said
    if said == "fitted" and card is not None:
        return tuple(fact.temperature for fact in card.calibration)
    return (1.0,) * len(pipeline.ensemble.members)


def _cascade(
    store: Store,
    pipeline: PipelineSpec,
    members: Sequence[Card],
    card: EnsembleCard | None,
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    spec, first = pipeline.ensemble, first_members(pipeline)
    if not isinstance(spec, CascadeSpec):
        return tuple(first), ()
    made = None if card is None else card.cascade
    if spec.thresholds == "fitted" and made is not None:
        names = [m.seat for m in spec.members]
        return tuple(names.index(name) for name in made.order), made.thresholds
    given = spec.thresholds if isinstance(spec.thresholds, tuple) else ()
    if spec.order == "latency":
        costs, _ = costs_ms(store, members)
        first = sorted(first, key=lambda at: (costs[at], at))
    return tuple(first), given


def _values(
    pipeline: PipelineSpec, card: EnsembleCard | None
) -> tuple[tuple[tuple[int, ...], float], ...]:
    spec = pipeline.ensemble
    if not isinstance(spec, BudgetSpec) or spec.values != "fitted" or card is None:
        return ()
    return tuple((fact.members, -fact.log_loss) for fact in card.subsets)
