"""Makes the packaged priors: `python -m benchmarks.autoscaling_prior TRACE.npz... -o FILE`.

Each trace is taken at three rates and learnt for some days at each lead; the mean of what
was learnt is the prior. Traces of an hour are what the prior is judged on: give none.
"""

import argparse
from pathlib import Path

import numpy as np

from deployments.autoscaling.features import Clock
from deployments.autoscaling.forecaster import Forecaster
from deployments.autoscaling.inherit import prior_of
from deployments.autoscaling.prior import PACKAGED, Priors
from deployments.autoscaling.replay.trace import DAY_S, Trace, read_trace
from deployments.autoscaling.rows import Floats

LEADS_S = (5, 10, 20, 40, 80, 160)
RATES = (80, 20, 5)
ALPHA = 0.98


def main() -> None:
    """Learn and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traces", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=PACKAGED)
    parser.add_argument("--days", type=float, default=3.0)
    chosen = parser.parse_args()
    lanes = [
        thinned(read_trace(file), rate) for file in chosen.traces for rate in RATES
    ]
    learn(lanes, int(chosen.days * DAY_S)).write(chosen.output)


def thinned(trace: Trace, rate: float) -> Trace:
    """The trace at another mean rate: each request is kept with the same chance."""
    part = min(1.0, rate / float(trace.arrivals.mean()))
    kept = np.random.default_rng(3).binomial(trace.arrivals, part)
    return Trace(f"{trace.name}@{rate}", kept)


def learn(lanes: list[Trace], seconds: int) -> Priors:
    """Let one fleet of forecasters see all lanes at all leads."""
    cases = [(lane, lead_s) for lead_s in LEADS_S for lane in lanes]
    forecaster = Forecaster(len(cases))
    lead_s = np.array([lead_s for _, lead_s in cases])
    budget_s = np.array([lane.wait_budget_s for lane, _ in cases])
    counts = np.stack([lane.arrivals[:seconds] for lane in lanes]).astype(np.float64)
    for at_s in range(counts.shape[1]):
        clock = Clock(at_s + 1, at_s, lead_s, budget_s)
        forecaster.add(np.tile(counts[:, at_s], len(LEADS_S)), clock)
        if clock.step % 5 == 0:
            forecaster.forecast(clock, steady)
    return Priors(
        {one: prior_of(forecaster, np.flatnonzero(lead_s == one)) for one in LEADS_S}
    )


def steady(point: Floats) -> Floats:
    """The same part everywhere."""
    return np.full(len(point), ALPHA)


if __name__ == "__main__":
    main()
