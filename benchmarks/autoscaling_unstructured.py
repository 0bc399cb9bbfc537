"""Traffic in which nothing can be foreseen: `python -m benchmarks.autoscaling_unstructured`.

A random walk, flash crowds without warning, noise that is no wave, and steps that stay; a day
each, several seeds. A forecast has nothing to win here, so it must not lose either: ours beside
Ray tuned and Knative, late % at cost beside hindsight.
"""

import argparse
import sys
from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.autoscaling import rows
from deployments.autoscaling.replay.runner import Case
from deployments.autoscaling.replay.trace import DAY_S, Trace
from deployments.autoscaling.rows import Floats

MEAN_PER_S = 40.0
POLICIES = ("ray-tuned", "knative", "headwater")

Draw = np.random.Generator


def random_walk(draw: Draw) -> Floats:
    """The logarithm of the rate walks, pulled back only far away."""
    steps = draw.normal(0, 0.004, DAY_S)
    level = np.empty(DAY_S)
    at = 0.0
    for second, step in enumerate(steps.tolist()):
        at = 0.9999 * at + step
        level[second] = at
    return np.asarray(np.exp(level), np.float64)


def flash_crowds(draw: Draw) -> Floats:
    """Calm, and twenty times a day up to sixfold within a minute, gone in ten."""
    level, at = np.ones(DAY_S), np.arange(DAY_S)
    for start in draw.integers(0, DAY_S, 20):
        since = at - start
        rise = np.clip(since / 60, 0, 1) * np.exp(-np.maximum(0, since - 60) / 200)
        level += draw.uniform(1, 5) * np.where(since >= 0, rise, 0)
    return level


def noise(draw: Draw) -> Floats:
    """Every minute another rate, lognormal, without memory."""
    minutes = draw.lognormal(0, 0.5, DAY_S // 60)
    return np.asarray(np.repeat(minutes, 60), np.float64)


def steps(draw: Draw) -> Floats:
    """Levels that hold for a random while and then change at once."""
    level, at = np.empty(DAY_S), 0
    while at < DAY_S:
        lasts = int(draw.exponential(1800)) + 60
        level[at : at + lasts] = draw.uniform(0.3, 2.0)
        at += lasts
    return level


KINDS: Mapping[str, Callable[[Draw], Floats]] = {
    "walk": random_walk,
    "crowds": flash_crowds,
    "noise": noise,
    "steps": steps,
}


def trace(kind: str, seed: int) -> Trace:
    """Independent arrivals at the rates of one kind."""
    draw = np.random.default_rng(seed)
    level = KINDS[kind](draw)
    counts = draw.poisson(MEAN_PER_S * level / level.mean())
    return Trace(f"{kind}-{seed}", np.asarray(counts, np.int64))


def main() -> None:
    """Print a table for every length of starts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--cold-start", nargs="+", type=int, default=[10, 40])
    parser.add_argument("--policies", nargs="+", default=list(POLICIES))
    asked = parser.parse_args()
    traces = [trace(kind, seed) for kind in KINDS for seed in range(asked.seeds)]
    for start_s in asked.cold_start:
        cases = [Case(one, start_s) for one in traces]
        sys.stdout.write(rows(cases, asked.policies) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
