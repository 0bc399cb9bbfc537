"""The measurements of a piece beside those of its reference, as a section of a report."""

from collections.abc import Callable, Iterator
from functools import partial

from models.card import Interval, LatencyFact, MeasuredFact, Proportion, TextFact
from models.recipes.judged import Judged
from models.recipes.page import Row, Section

Cell = Callable[[Judged], str]


def measured_section(judged: Judged) -> Section:
    """A row for each number; a column for the reference, where there is one, and `judged`."""
    both = [one for one in (judged.reference, judged) if one is not None]
    rows: list[Row] = [
        (name, *(tell(one) for one in both)) for name, tell in _rows(judged)
    ]
    return Section("Measured", (), ("", *(one.name for one in both)), rows)


def _rows(judged: Judged) -> Iterator[tuple[str, Cell]]:
    yield "size MB", _size
    for fact in judged.latency:
        name = f"batch {fact.batch_size}, {fact.threads} thread(s), p50 (p99) ms"
        yield name, partial(_latency, fact)
    for quality in judged.quality:
        name = f"top-1 % on {quality.dataset}, {quality.top1.n} photos"
        yield name, partial(_top1, quality.dataset)
    if judged.measured is not None:
        yield from _measured_rows(judged.measured)


def _measured_rows(measured: MeasuredFact) -> Iterator[tuple[str, Cell]]:
    if measured.peak_memory_bytes is not None:
        yield "peak memory MB", _memory
    if measured.calibration_error is not None:
        yield "calibration error", _calibration
    if measured.exact_agreement is not None:
        yield "exact arithmetic's answer %", _exact
    for speed in measured.speed:
        name = f"tokens/s, {speed.concurrency} caller(s)"
        yield name, partial(_speed, speed.concurrency)
    for text in measured.text:
        yield from _text_rows(text)


def _text_rows(text: TextFact) -> Iterator[tuple[str, Cell]]:
    yield f"perplexity of {text.dataset}", partial(_perplexity, text.dataset)
    if text.rise is not None:
        yield f"its rise, {text.dataset}", partial(_rise, text.dataset)
    for task in text.accuracy:
        yield f"{task} %, {text.dataset}", partial(_task, text.dataset, task)


def _size(one: Judged) -> str:
    return f"{one.size_bytes / 1e6:.2f}"


def _latency(like: LatencyFact, one: Judged) -> str:
    wanted = like.batch_size, like.threads
    return _first(
        f"{fact.p50_ms:.2f} ({fact.p99_ms:.2f})"
        for fact in one.latency
        if (fact.batch_size, fact.threads) == wanted
    )


def _top1(dataset: str, one: Judged) -> str:
    return _first(_percent(q.top1) for q in one.quality if q.dataset == dataset)


def _memory(one: Judged) -> str:
    peak = one.measured.peak_memory_bytes if one.measured is not None else None
    return "" if peak is None else f"{peak / 1e6:.0f}"


def _calibration(one: Judged) -> str:
    return _plain(None if one.measured is None else one.measured.calibration_error)


def _exact(one: Judged) -> str:
    return _percent(None if one.measured is None else one.measured.exact_agreement)


def _speed(callers: int, one: Judged) -> str:
    facts = one.measured.speed if one.measured is not None else ()
    return _first(f"{f.tokens_per_s:.1f}" for f in facts if f.concurrency == callers)


def _perplexity(dataset: str, one: Judged) -> str:
    return _first(_plain(text.perplexity) for text in _texts(dataset, one))


def _rise(dataset: str, one: Judged) -> str:
    return _first(_plain(text.rise) for text in _texts(dataset, one))


def _task(dataset: str, task: str, one: Judged) -> str:
    return _first(_percent(text.accuracy.get(task)) for text in _texts(dataset, one))


def _texts(dataset: str, one: Judged) -> Iterator[TextFact]:
    facts = one.measured.text if one.measured is not None else ()
    return (text for text in facts if text.dataset == dataset)


def _percent(share: Proportion | None) -> str:
    if share is None:
        return ""
    return f"{100 * share.value:.2f} ({100 * share.low:.1f} to {100 * share.high:.1f})"


def _plain(number: Interval | None) -> str:
    if number is None:
        return ""
    return f"{number.value:.4g} ({number.low:.4g} to {number.high:.4g})"


def _first(told: Iterator[str]) -> str:
    return next(told, "")
