"""Which variant of a model is served: the one that is named, or the cheapest that clears.

Pure but for reading the store: cards and timings in, a choice and its reasons out.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from configs.model import ModelSpec
from configs.pipeline import AUTO, ChoiceBarSpec, MemberSpec, TargetSpec
from models import machine
from models.card import Card, Interval, LatencyFact, Proportion, QualityFact
from models.errors import NothingClears, NotServable, VariantNotFound
from models.store import Store
from models.timing import timed

log = logging.getLogger(__name__)

REFERENCE = "fp32-onnx"
"""What drops and agreement are measured against: it clears every such bar itself."""

SERVABLE = ("onnx", "litert", "torch", "engine")
"""The forms that a replica can open, as `deployments.backends.opening` does."""

CHOSEN = ("onnx",)
"""The forms that `auto` chooses from: the others need a GPU, or gain nothing here."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One stored variant, held against the bar: `refusal` is empty when it clears."""

    card: Card
    refusal: str
    latency: LatencyFact | None
    measured_here: bool

    @property
    def size_bytes(self) -> int:
        """What its model file takes."""
        return self.card.model_file.size_bytes


@dataclass(frozen=True, slots=True)
class Choice:
    """The variant that is served and what it was chosen from, the cheapest first."""

    chosen: Candidate
    candidates: tuple[Candidate, ...]

    @property
    def warning(self) -> str:
        """What the choice rests on that was not measured here; empty: nothing."""
        counted = [c for c in self.candidates if not c.refusal and not c.measured_here]
        if len(self.candidates) < 2 or not counted:
            return ""
        names = ", ".join(c.card.variant for c in counted)
        return (
            f"{self.chosen.card.model}: {names} was timed on another kind of machine; "
            "`headwater models choose PIPELINE --measure` times it here"
        )


def member_card(store: Store, spec: ModelSpec, member: MemberSpec | None) -> Card:
    """The card of the variant that `member` (none: the model's own file) asks for.

    Raises:
        VariantNotFound: it was never built, or from another source than `spec` says.
        NotServable: no replica can open its form.
        NothingClears: it says `auto` and no stored variant is good enough.
        StoreCorrupt: a card cannot be read.
    """
    if member is not None and member.variant == AUTO:
        choice = choose(store, spec, member)
        if choice.warning:
            log.warning(choice.warning)
        return choice.chosen.card
    named = spec.variant if member is None else member.variant or spec.variant
    card = store.card(spec.id, spec.version, named)
    if not is_of(spec, card):
        raise VariantNotFound(f"{spec.id} {named} as its file is now")
    if card.form not in SERVABLE:
        raise NotServable(spec.id, named, card.form)
    return card


def choose(store: Store, spec: ModelSpec, member: MemberSpec) -> Choice:
    """The cheapest stored variant that clears the bar on this kind of machine.

    Raises:
        NothingClears: none does.
        StoreCorrupt: a card cannot be read.
    """
    here = machine.kind(machine.describe())
    candidates = assess(store, spec, member, here)
    cleared = [candidate for candidate in candidates if not candidate.refusal]
    if not cleared:
        told = tuple(f"{c.card.variant} {c.refusal}" for c in candidates)
        raise NothingClears(spec.id, wanted(member), told)
    return Choice(cleared[0], tuple(candidates))


def assess(
    store: Store, spec: ModelSpec, member: MemberSpec, here: str
) -> list[Candidate]:
    """Every stored variant of `spec`, what clears first, the cheapest first."""
    bar, target = member.bar or ChoiceBarSpec(), member.target or TargetSpec()
    found = []
    for card in store.variants(spec.id, spec.version):
        facts, is_here = timed(store, card, here)
        latency = _row(facts, target)
        refusal = _refusal(spec, card) or _quality(bar, card)
        refusal = refusal or _cost(target, card, latency)
        found.append(Candidate(card, refusal, latency, is_here))
    return sorted(found, key=_rank)


def is_of(spec: ModelSpec, card: Card) -> bool:
    """Whether a card is of the model as its file is now."""
    source = card.source_sha256 if spec.weights is None else spec.weights.sha256
    made = (card.source_sha256, card.inputs, card.outputs, card.image, card.audio)
    return made == (source, spec.inputs, spec.outputs, spec.image, spec.audio)


def wanted(member: MemberSpec) -> str:
    """The bar and the target in words."""
    bar, target = member.bar or ChoiceBarSpec(), member.target or TargetSpec()
    sure = "surely " if bar.judged == "inside" else ""
    said = [f"{sure}at most {bar.max_drop_points:g} points of top-1 lost"]
    if bar.min_agreement is not None:
        said.append(f"{sure}FP32's answer on {bar.min_agreement:.0%}")
    if bar.dataset is not None:
        said[-1] += f" of {bar.dataset}"
    if target.max_latency_ms is not None:
        said.append(
            f"at most {target.max_latency_ms:g} ms a run of {target.batch_size}"
        )
    if target.max_size_bytes is not None:
        said.append(f"at most {target.max_size_bytes} bytes")
    return ", ".join(said)


def _rank(candidate: Candidate) -> tuple[bool, float, int, str]:
    """What was never timed is dearer than anything that was."""
    latency = candidate.latency.p50_ms if candidate.latency else float("inf")
    return (
        bool(candidate.refusal),
        latency,
        candidate.size_bytes,
        candidate.card.variant,
    )


def _row(facts: Sequence[LatencyFact], target: TargetSpec) -> LatencyFact | None:
    asked = (target.batch_size, target.threads)
    rows = (fact for fact in facts if (fact.batch_size, fact.threads) == asked)
    return next(rows, None)


def _refusal(spec: ModelSpec, card: Card) -> str:
    if card.form not in SERVABLE:
        return f"is {card.form}, which no replica can open"
    if card.form not in CHOSEN:
        return f"is {card.form}, which is served where it is named"
    if not is_of(spec, card):
        return "was made from another source than the model's file says now"
    return ""


def _quality(bar: ChoiceBarSpec, card: Card) -> str:
    if card.variant == REFERENCE:
        return ""
    facts = [f for f in card.quality if bar.dataset in (None, f.dataset)]
    if not facts:
        return f"was not measured on {bar.dataset or 'any dataset'}"
    told = (_one_quality(bar, fact) for fact in facts)
    return next((refusal for refusal in told if refusal), "")


def _one_quality(bar: ChoiceBarSpec, fact: QualityFact) -> str:
    drop, agreement = fact.drop_points, fact.agreement
    inside = bar.judged == "inside"
    if drop is None or agreement is None:
        return f"was not compared with FP32 on {fact.dataset}"
    if (drop.high if inside else drop.low) > bar.max_drop_points:
        return f"loses {_span(drop, 1)} points on {fact.dataset}"
    least = bar.min_agreement
    if least is not None and (agreement.low if inside else agreement.high) < least:
        return f"agrees on {_span(agreement, 100)}% of {fact.dataset}"
    return ""


def _cost(target: TargetSpec, card: Card, latency: LatencyFact | None) -> str:
    if target.max_size_bytes is not None:
        size_bytes = card.model_file.size_bytes
        if size_bytes > target.max_size_bytes:
            return f"has {size_bytes} bytes"
    if target.max_latency_ms is None:
        return ""
    if latency is None:
        return f"was not timed at batch {target.batch_size}, {target.threads} threads"
    if latency.p50_ms > target.max_latency_ms:
        return f"takes {latency.p50_ms:g} ms"
    return ""


def _span(fact: Interval | Proportion, scale: float) -> str:
    low, high = scale * fact.low, scale * fact.high
    return f"{scale * fact.value:.2f} ({low:.2f} to {high:.2f})"
