"""The section of the report on what a server could reach with these workers. Pure."""

from benchmarks.peers.facts import PeerResults
from benchmarks.peers.ideal import Workers, cost_for, free_qps
from benchmarks.peers.verdict import OF_PEER, best_of, ids_of, peak_qps, title_of
from benchmarks.report import number, table
from benchmarks.summary import middle

ABOUT = (
    "The bare loop's batches answering the same kind of Poisson arrivals, simulated: "
    "workers that take whatever waits, at the best limit of a batch, with no cost beside "
    "the model. *May cost*: the CPU time a request that such a server may spend on the "
    "workers' own cores on everything but the model to keep up a rate. In the layout "
    "`shared` part of it runs on other cores."
)


def ceiling_section(results: PeerResults) -> str:
    """What a server that costs nothing reaches, beside what was reached."""
    workers = bare_workers(results)
    if workers is None:
        return "Not measured."
    parts = [_one_slo(results, workers, slo_ms) for slo_ms in results.slos_ms]
    return "\n\n".join([ABOUT, *parts])


def bare_workers(results: PeerResults) -> Workers | None:
    """The bare loop as workers; None when it was not measured."""
    sizes = sorted({one.batch for one in results.bare})
    run_ms = {
        size: middle(one.p50_ms for one in results.bare if one.batch == size)
        for size in sizes
    }
    known = {size: ms for size, ms in run_ms.items() if ms is not None}
    if 1 not in known:
        return None
    return Workers(results.bare[0].threads, known)


def _one_slo(results: PeerResults, workers: Workers, slo_ms: float) -> str:
    most = free_qps(workers, slo_ms)
    rows = [[f"a server that costs nothing, p99 <= {slo_ms:g} ms", number(most), "0"]]
    rows += [
        _row(workers, slo_ms, one.title, peak_qps(results, one.id, slo_ms))
        for one in results.subjects
    ]
    best = best_of(results, ids_of(results, "peer"), slo_ms)
    if best is not None:
        what = f"{OF_PEER:g} times {title_of(results, best[0])}"
        rows.append(_row(workers, slo_ms, what, OF_PEER * best[1]))
    return table(["who", "queries/s", "may cost ms a request"], rows)


def _row(workers: Workers, slo_ms: float, what: str, qps: float | None) -> list[str]:
    cost_ms = cost_for(workers, slo_ms, qps) if qps else None
    return [
        what,
        number(qps),
        "less than nothing" if qps and cost_ms is None else number(cost_ms, 2),
    ]
