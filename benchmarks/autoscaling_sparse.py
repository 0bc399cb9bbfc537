"""Scale to zero and back in time: `python -m benchmarks.autoscaling_sparse --minutes 30`.

A few requests come every so often, as from a report that somebody runs, and nothing between.
Headwater may go to zero and should be back before the next ones; Ray goes to zero after a fixed
delay and starts for the first request. Counted are the first request of each visit, which is
the one that may find nobody, and replica-seconds beside a replica that always runs.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.autoscaling_live import say
from benchmarks.clients import Call, Caller
from benchmarks.scaled import Setting, caller_of, config_of, starts, watched

COUNT = 5
RATE_PER_S = 10.0
CONTENDERS = ("headwater", "ray-60s", "always")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one contender made of the visits; a first request that failed took none."""

    contender: str
    first_ms: tuple[float | None, ...]
    late: int
    replica_s: float
    elapsed_s: float
    reasons: dict[str, int]


def sparse_config(contender: str, setting: Setting, every_s: float) -> dict[str, Any]:
    """The Serve config of a contender; all but `always` may go to zero."""
    if contender == "headwater":
        config = config_of(contender, setting, RATE_PER_S)
        scaling = config["applications"][0]["args"]["autoscaling"]["deployments"]
        # Worth half the wait: staying all the time is not worth it, coming back is.
        scaling["ingress"] |= {
            "mode": "hybrid",
            "min_replicas": 0,
            "cold_request_worth_s": every_s / 2,
        }
        return config
    if contender == "always":
        return config_of("one-replica", setting, RATE_PER_S)
    config = config_of("ray-tuned", setting, RATE_PER_S)
    ingress = config["applications"][0]["deployments"][0]
    ingress["autoscaling_config"] |= {
        "min_replicas": 0,
        "downscale_to_zero_delay_s": 60,
    }
    return config


async def visit(call: Call) -> float | None:
    """One request, then the others together; what the first took in milliseconds."""
    began_s = time.monotonic()
    failed = await call()
    took_ms = 1000 * (time.monotonic() - began_s)
    await asyncio.gather(*(call() for _ in range(COUNT - 1)))
    return None if failed else took_ms


async def visits(call: Call, every_s: float, count: int) -> list[float | None]:
    """Come `count` times, the first time after one interval."""
    began_s, first_ms = time.monotonic(), []
    for number in range(1, count + 1):
        await asyncio.sleep(max(0.0, began_s + number * every_s - time.monotonic()))
        first_ms.append(await visit(call))
    return first_ms


def measure(contender: str, setting: Setting, every_s: float) -> Outcome:
    """Run one contender."""
    count = int(60 * setting.minutes / every_s)
    with tempfile.TemporaryDirectory(prefix="day-", dir="/tmp") as name:
        folder = Path(name)
        job = caller_of(setting, folder)
        config = sparse_config(contender, setting, every_s)
        with watched(config, folder, setting.cores) as watch:
            began_s = time.monotonic()
            first_ms = asyncio.run(_come(job, every_s, count))
            elapsed_s = time.monotonic() - began_s
        reasons = Counter(line["reason"] or line["cause"] for line in starts(folder))
    late = sum(one is None or one > 1000 * setting.slo_s for one in first_ms)
    return Outcome(
        contender, tuple(first_ms), late, watch.replica_s, elapsed_s, dict(reasons)
    )


async def _come(job: Any, every_s: float, count: int) -> list[float | None]:
    async with Caller(job) as call:
        return await visits(call, every_s, count)


def main() -> None:
    """Measure the contenders that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--every", type=float, default=120.0, help="Seconds.")
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument("--slo", type=float, default=1.0, help="Seconds.")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--json", type=Path, help="Write the outcomes here.")
    asked = parser.parse_args()
    setting = Setting(asked.model, asked.minutes, 1.0, 2, asked.slo, 0.0, 0)
    outcomes = [measure(one, setting, asked.every) for one in asked.only]
    for one in outcomes:
        say(json.dumps(asdict(one)) + "\n")
    if asked.json is not None:
        asked.json.write_text(json.dumps([asdict(one) for one in outcomes], indent=2))


if __name__ == "__main__":
    main()
