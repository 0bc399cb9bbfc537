"""How long a file takes by number of threads, as a section of its page."""

from collections.abc import Iterator
from pathlib import Path

from edge.pictures.drawn import drawn
from models.card import Card, LatencyFact
from models.recipes.page import Row, Section

PICTURE = "threads.png"
HEAD = ("threads", "p50 ms", "p99 ms", "of the time of one thread")


def times_section(card: Card, folder: Path) -> Iterator[Section]:
    """One row at a time on each number of threads; nothing where nothing was timed."""
    facts = sorted(
        (fact for fact in card.latency if fact.batch_size == 1),
        key=lambda fact: fact.threads,
    )
    if not facts:
        return
    cpu, cores = (card.machine.get(key, "unknown") for key in ("cpu", "cores"))
    told = (
        f"Measured on the host ({cpu}), {facts[0].runs} runs each, on up to four threads "
        f"as far as its cores go ({cores}). A device has other cores."
    )
    times = [(fact.threads, fact.p50_ms, fact.p99_ms) for fact in facts]
    picture = drawn(folder / PICTURE, "threads", times) if len(facts) > 1 else None
    rows = [_row(fact, facts[0]) for fact in facts]
    yield Section("Time by number of threads", (told,), HEAD, rows, picture)


def _row(fact: LatencyFact, first: LatencyFact) -> Row:
    share = f"{fact.p50_ms / first.p50_ms:.0%}" if first.p50_ms > 0 else ""
    return str(fact.threads), f"{fact.p50_ms:g}", f"{fact.p99_ms:g}", share
