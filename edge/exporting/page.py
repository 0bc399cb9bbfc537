"""The page beside an exported file: what it is, how good, how fast, what is in the way. Pure."""

from collections.abc import Iterator, Sequence

from configs.device import DeviceSpec
from edge.exporting.choice import Candidate
from edge.exporting.forms import is_described, size_bytes
from models.card import Card
from models.recipes.page import Section, markdown


def page(chosen: Candidate, device: DeviceSpec, more: Sequence[Section] = ()) -> str:
    """Markdown; `more` comes after what is always said."""
    title = f"{chosen.card.title}: {chosen.card.variant} for {device.id}"
    return markdown(title, [verdict(chosen, device), *more])


def verdict(chosen: Candidate, device: DeviceSpec) -> Section:
    """Whether it runs there, how good it is, what it costs, what is in the way."""
    readiness = chosen.readiness
    said = "ready" if readiness.is_ready else "not ready"
    first = (
        f"{device.title}. The file is **{said}**: {readiness.mapped} of "
        f"{readiness.total} operators run where the class wants them to."
    )
    told = (*readiness.reasons(), *readiness.warnings)
    rows = list(_rows(chosen, device))
    text = (first, *(f"- {reason}" for reason in told))
    return Section("Verdict", text, ("what", "value"), rows)


def _rows(chosen: Candidate, device: DeviceSpec) -> Iterator[tuple[str, str]]:
    card, cost = chosen.card, chosen.readiness.cost
    yield "file", f"{size_bytes(card)} bytes, sha256 {card.model_file.sha256}"
    if is_described(card, device):
        yield "metadata", "in the exported file, which is therefore larger"
    yield from _quality(card)
    for fact in card.latency:
        threads = f"{fact.threads} thread{'s' if fact.threads > 1 else ''}"
        where = card.machine.get("cpu", "an unknown CPU")
        yield f"measured, {threads}", f"p50 {fact.p50_ms:g} ms on {where} (the host)"
    took = chosen.readiness.estimate_ms
    source = device.throughput.source
    yield "estimated on the device", f"{took:.3g} ms, not measured; from: {source}"
    yield "multiplications", f"{cost.macs}"
    yield "weights", f"{cost.weights_bytes} bytes"
    yield "tensors of one run", f"{cost.arena_bytes} bytes"


def _quality(card: Card) -> Iterator[tuple[str, str]]:
    for fact in card.quality:
        top1 = fact.top1
        said = (
            f"{100 * top1.value:.2f}% ({100 * top1.low:.1f} to {100 * top1.high:.1f})"
        )
        yield f"top-1 on {fact.dataset}", f"{said}, {top1.n} rows"
        if fact.drop_points is not None:
            drop = fact.drop_points
            said = f"{drop.value:+.2f} points ({drop.low:+.2f} to {drop.high:+.2f})"
            yield "lost against the source", said
        if fact.agreement is not None:
            yield "agreement with the source", f"{100 * fact.agreement.value:.2f}%"
