"""Figures about autoscaling: `python -m benchmarks.autoscaling table|tick`.

`table TRACE.npz...` replays traces through every policy and prints a Markdown table with the
means over them; ours run side by side, as one fleet of independent deployments.
`tick` measures what one tick costs the controller.
"""

import argparse
import itertools
import sys
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from configs.autoscaling import AutoscalingSpec
from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.prior import packaged_priors
from deployments.autoscaling.replay.runner import (
    COMPARED,
    Case,
    Outcome,
    replay,
    replay_ours,
)
from deployments.autoscaling.replay.trace import read_trace
from deployments.autoscaling.signals import Observation
from deployments.autoscaling.timeline import Now

FLEETS = (1, 10, 100, 1000)
SECONDS = 600


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    table = kinds.add_parser("table")
    table.add_argument("traces", nargs="+", type=Path)
    table.add_argument("--cold-start", nargs="+", type=int, default=[10, 40])
    table.add_argument("--capacity-error", type=float, default=0.0)
    table.add_argument("--policies", nargs="+", default=list(COMPARED))
    kinds.add_parser("tick")
    chosen = parser.parse_args()
    if chosen.kind == "tick":
        for deployments in FLEETS:
            say(tick(deployments))
        return
    traces = [read_trace(file) for file in chosen.traces]
    for start_s in chosen.cold_start:
        cases = [Case(trace, start_s, chosen.capacity_error) for trace in traces]
        say(rows(cases, chosen.policies))


def rows(cases: Sequence[Case], policies: Sequence[str]) -> str:
    """A Markdown table: a row a policy, a column a trace, late % at cost."""
    names = [case.trace.name for case in cases]
    lines = [
        f"| starts take {cases[0].start_s} s | {' | '.join(names)} | mean |",
        "|---" * (len(cases) + 2) + "|",
    ]
    for policy in policies:
        found = outcomes(cases, policy)
        late = np.mean([one.violations_percent for one in found])
        cost = np.exp(np.mean([np.log(one.cost_vs_oracle) for one in found]))
        cells = [_cell(one.violations_percent, one.cost_vs_oracle) for one in found]
        cells.append(_cell(float(late), float(cost)))
        lines.append(f"| {policy} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def outcomes(cases: Sequence[Case], policy: str) -> list[Outcome]:
    """Ours side by side where traces are of one length, the others one by one."""
    if policy != "headwater":
        return [replay(case, policy, None, _quiet) for case in cases]
    found: list[Outcome] = []
    for _, group in itertools.groupby(cases, key=lambda case: case.trace.seconds):
        found += replay_ours(list(group), policy, packaged_priors(), _quiet)
    return found


def tick(deployments: int) -> str:
    """What a tick costs in CPU time, and what is held in memory."""
    tracemalloc.start()
    autoscaler = Autoscaler(priors=packaged_priors())
    names = [f"m{number}" for number in range(deployments)]
    autoscaler.configure({name: AutoscalingSpec() for name in names})
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    arrived, took_s = np.zeros(deployments), []
    draw = np.random.default_rng(0)
    for second in range(SECONDS):
        arrived += draw.poisson(50, deployments)
        seen = {
            name: Observation(count, count, 0.0, 20.0, 6, 6)
            for name, count in zip(names, arrived.tolist(), strict=True)
        }
        before = time.process_time()
        autoscaler.tick(Now(second, second), seen)
        took_s.append(time.process_time() - before)
    took_ms = 1000 * np.array(took_s[SECONDS // 2 :])
    return (
        f"{deployments:5d} deployments: {took_ms.mean():.2f} ms a tick, "
        f"{np.quantile(took_ms, 0.99):.2f} ms at most in 99 of 100, "
        f"{held / 2**20:.1f} MiB"
    )


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _cell(late: float, cost: float) -> str:
    return f"{late:.3f} % at {cost:.3f}"


def _quiet(done_s: int, total_s: int) -> None:
    """No bar: this is read top to bottom."""


if __name__ == "__main__":
    main()
