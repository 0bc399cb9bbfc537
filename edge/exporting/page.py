"""The page beside an exported file: what it is, how good, how fast, what is in the way. Pure."""

from collections.abc import Iterator

from configs.device import DeviceSpec
from edge.exporting.choice import Candidate
from models.card import Card


def page(chosen: Candidate, device: DeviceSpec) -> str:
    """Markdown."""
    card, readiness = chosen.card, chosen.readiness
    verdict = "ready" if readiness.is_ready else "not ready"
    lines = [
        f"# {card.title}: {card.variant} for {device.id}",
        "",
        f"{device.title}. The file is **{verdict}**: {readiness.mapped} of "
        f"{readiness.total} operators run where the class wants them to.",
        "",
        "| what | value |",
        "|---|---|",
        *(f"| {what} | {value} |" for what, value in _rows(chosen, device)),
        "",
        *(f"- {reason}" for reason in (*readiness.reasons(), *readiness.warnings)),
    ]
    return "\n".join(lines)


def _rows(chosen: Candidate, device: DeviceSpec) -> Iterator[tuple[str, str]]:
    card, cost = chosen.card, chosen.readiness.cost
    yield "file", f"{card.model_file.size_bytes} bytes, sha256 {card.model_file.sha256}"
    yield from _quality(card)
    for fact in card.latency:
        threads = f"{fact.threads} thread{'s' if fact.threads > 1 else ''}"
        where = card.machine.get("cpu", "an unknown CPU")
        yield f"measured, {threads}", f"p50 {fact.p50_ms:g} ms on {where} (the host)"
    took = chosen.readiness.estimate_ms
    source = device.throughput.source
    yield "estimated on the device", f"{took:.1f} ms, not measured; from: {source}"
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
