"""The page beside an exported file: what it is, how good, how fast, what is in the way. Pure."""

from collections.abc import Iterator, Sequence

from configs.device import DeviceSpec
from edge.exporting.choice import Candidate
from edge.exporting.forms import is_described, size_bytes
from models.card import Card
from models.recipes.doubts import doubts
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
    doubted = (f"{doubt}." for doubt in doubts(chosen.card.quality))
    text = (first, *(f"- {reason}" for reason in told), *doubted)
    return Section("Verdict", text, ("what", "value"), rows)


def _rows(chosen: Candidate, device: DeviceSpec) -> Iterator[tuple[str, str]]:
    card, cost = chosen.card, chosen.readiness.cost
    yield "file", f"{size_bytes(card)} bytes, sha256 {card.model_file.sha256}"
    if is_described(card, device):
        yield "metadata", "in the exported file, which is therefore larger"
    yield from _quality(card)
    yield from _bar(chosen)
    yield from _host(card)
    took = chosen.readiness.estimate_ms
    source = device.throughput.source
    yield "estimated on the device", f"{took:.3g} ms, not measured; from: {source}"
    yield "multiplications", f"{cost.macs}"
    yield "weights", f"{cost.weights_bytes} bytes"
    yield "tensors of one run, planned", f"{cost.arena_bytes} bytes"


def _bar(chosen: Candidate) -> Iterator[tuple[str, str]]:
    """Whose bar it is, and what came of what the class wants beyond the recipe's."""
    if chosen.bar is not None:
        yield "bar", chosen.bar.title
        for one in chosen.bar.findings:
            yield f"the class wants {one.wanted}", f"{one.got}: {one.outcome}"


def _host(card: Card) -> Iterator[tuple[str, str]]:
    """What was measured here, where no device is."""
    where = card.machine.get("cpu", "an unknown CPU")
    for fact in card.latency:
        if fact.batch_size == fact.threads == 1:
            said = f"p50 {fact.p50_ms:g} ms on {where} (the host)"
            yield "measured, 1 thread", said
    peak = card.measured.peak_memory_bytes if card.measured is not None else None
    if peak is not None:
        said = f"{peak} bytes more than before the file was opened, at the peak"
        yield "memory on the host", f"{said}: weights, tensors and the runtime's own"


def _quality(card: Card) -> Iterator[tuple[str, str]]:
    told = {one.dataset for one in card.agreements}
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
        if fact.agreement is not None and fact.dataset not in told:
            yield "agreement with the source", f"{100 * fact.agreement.value:.2f}%"
    for one in card.agreements:
        same = one.same
        said = (
            f"{100 * same.value:.2f}% ({100 * same.low:.1f} to {100 * same.high:.1f})"
        )
        yield f"same answer as {one.against}", f"{said}, {same.n} rows of {one.dataset}"
