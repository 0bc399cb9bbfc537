"""Twenty real ONNX models in memory for six, on this machine, without Ray.

The catalogue's EfficientNet-Lite INT8 variants, copied under digests of their own, are
asked for by an open loop with Zipf popularity that shifts; then the same rate goes to
models that are all resident, for what a hit costs without loads next door.
"""

import asyncio
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.residency_traffic import Traffic, trace
from configs.model import BatchingSpec
from configs.pool import PoolSpec
from deployments.backends.base import Backend
from deployments.errors import ServingError
from deployments.messages import Request
from deployments.model import Model, ResidentModel
from deployments.residency.replay import Asked, Lru, Replayed, replay
from deployments.residency.replay import Model as Sized
from deployments.residency.residency import Residency
from deployments.residency.seat import Seat, Tenant
from deployments.residency.warming import open_warm
from deployments.slots import Slots
from models.card import Card
from models.store import Store

COUNT, FITTING = 20, 6
MODELS = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
LIMITS = BatchingSpec(max_batch_size=8, preferred_batch_size=4)


@dataclass(frozen=True, slots=True)
class Plan:
    """Requests a second, and for how long each part runs."""

    rate: float = 20.0
    seconds: float = 60.0
    shift_s: float = 20.0
    exponent: float = 1.0


@dataclass(slots=True)
class Seen:
    """What clients saw, in seconds."""

    hits_s: list[float] = field(default_factory=list)
    quiet_hits_s: list[float] = field(default_factory=list)
    misses_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Pool:
    """One replica's models."""

    def __init__(self, store: Store, cards: Sequence[Card], limit_bytes: int) -> None:
        self.residency = Residency(
            PoolSpec(memory_bytes=limit_bytes, min_resident_s=0.5)
        )
        self._slots = Slots(1)
        self.loads_s: list[float] = []
        self.loads_cpu_s: list[float] = []
        self.nodes: dict[str, ResidentModel] = {}
        self.seats: dict[str, Seat] = {}
        self.queues: list[Model] = []
        for number, card in enumerate(cards):
            key = f"m{number:02}"
            model = Model(key, None, LIMITS, self._slots, card.image)
            tenant = Tenant(
                key,
                key,
                card.model_file.sha256,
                card.model_file.size_bytes,
                _timed(card, store, self.loads_s, self.loads_cpu_s),
                model,
            )
            seat = self.residency.offer(tenant)
            self.seats[key] = seat
            self.queues.append(model)
            self.nodes[key] = ResidentModel(model, seat, self.residency)

    async def close(self) -> None:
        """Let all go."""
        await self.residency.close()
        for queue in self.queues:
            await queue.close()
        self._slots.close()


def live(root: Path, scratch: Path, plan: Plan) -> str:
    """Run both parts and say what was seen."""
    store, cards = _copies(Store(root), scratch)
    try:
        return asyncio.run(_live(store, cards, plan))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


async def _live(store: Store, cards: Sequence[Card], plan: Plan) -> str:
    sizes = await _sizes(store, cards)
    limit_bytes = sum(sizes) * FITTING // COUNT + max(sizes) // 2
    pool = Pool(store, cards, limit_bytes)
    keys = sorted(pool.nodes)
    for key in keys:  # each once: what is measured afterwards are warm loads
        await pool.residency.load(key)
    traffic = Traffic("", plan.rate, plan.exponent, plan.shift_s, None, plan.seconds)
    asked = trace(traffic, keys, seed=1)
    shape = {key: card.inputs[0].shape for key, card in zip(keys, cards, strict=True)}
    pool.loads_s.clear()
    pool.loads_cpu_s.clear()
    seen = await _ask_all(pool, [(a.at_s, a.key) for a in asked], shape)
    loads_s, loads_cpu_s = list(pool.loads_s), list(pool.loads_cpu_s)
    accounts = pool.residency.accounts()
    resident = [a.key for a in accounts if a.resident_bytes]
    calm = random.Random(2)
    alone = [(at.at_s, calm.choice(resident)) for at in asked[: len(asked) // 2]]
    hits = await _ask_all(pool, alone, shape)
    lru = _lru(asked, dict(zip(keys, sizes, strict=True)), limit_bytes)
    served = len(seen.hits_s) + len(seen.misses_s)
    await pool.close()
    return "\n".join(
        [
            f"{COUNT} models, memory for {FITTING} ({limit_bytes / 1e6:.0f} MB); "
            f"{len(asked)} requests at {plan.rate:g}/s, Zipf {plan.exponent:g}, new "
            f"ranks every {plan.shift_s:g} s",
            f"requests without a load of their own {1 - len(loads_s) / len(asked):.1%} "
            f"(LRU, loading at once, on the same trace: {lru.hit_rate:.1%}), that found "
            f"their model ready {len(seen.hits_s) / max(1, served):.1%}; failed requests "
            f"{len(seen.errors)}",
            f"warm loads: {_told(loads_s)}; of that CPU: {_told(loads_cpu_s)}",
            f"hits: {_told(seen.hits_s)}; of these with no load next door: "
            f"{_told(seen.quiet_hits_s)}",
            f"hits when all are resident: {_told(hits.hits_s)}",
            f"misses: {_told(seen.misses_s)}",
            *sorted(set(seen.errors))[:5],
        ]
    )


async def _sizes(store: Store, cards: Sequence[Card]) -> list[int]:
    pool = Pool(store, cards, 1 << 40)
    for key in pool.nodes:
        await pool.residency.load(key)
    told = [account.resident_bytes for account in pool.residency.accounts()]
    await pool.close()
    return told


async def _ask_all(
    pool: Pool, asked: Sequence[tuple[float, str]], shape: dict[str, tuple[int, ...]]
) -> Seen:
    """Open loop: each request goes when its time has come, whatever others do."""
    seen, began_s = Seen(), time.perf_counter()
    tasks = []
    for at_s, key in asked:
        await asyncio.sleep(max(0.0, began_s + at_s - time.perf_counter()))
        tasks.append(asyncio.create_task(_ask(pool, key, shape[key], seen)))
    await asyncio.gather(*tasks)
    return seen


async def _ask(pool: Pool, key: str, shape: tuple[int, ...], seen: Seen) -> None:
    rows = np.zeros((1, shape[1], shape[2], 3), np.uint8)
    was_hit = pool.seats[key].ready
    loads = _loading(pool)
    began_s = time.perf_counter()
    try:
        await pool.nodes[key].infer(Request(key, {"input": rows}))
    except ServingError as error:
        seen.errors.append(f"{type(error).__name__}: {error}")
        return
    took_s = time.perf_counter() - began_s
    (seen.hits_s if was_hit else seen.misses_s).append(took_s)
    if was_hit and not loads and not _loading(pool):
        seen.quiet_hits_s.append(took_s)


def _loading(pool: Pool) -> bool:
    return any(s.state == "LOADING" for s in pool.residency.states())


def _timed(
    card: Card, store: Store, spent_s: list[float], cpu_s: list[float]
) -> Callable[[bool], Backend]:
    def opened(full: bool) -> Backend:
        began_s, cpu_began_s = time.perf_counter(), time.thread_time()
        backend = open_warm(card, store, LIMITS, full)
        spent_s.append(time.perf_counter() - began_s)
        cpu_s.append(time.thread_time() - cpu_began_s)
        return backend

    return opened


def _copies(source: Store, scratch: Path) -> tuple[Store, list[Card]]:
    """Stored models under new digests: a note is appended, which changes no answer."""
    shutil.rmtree(scratch, ignore_errors=True)
    store, cards = Store(scratch / "store"), []
    (scratch / "files").mkdir(parents=True)
    for number in range(COUNT):
        card = source.card(MODELS[number % len(MODELS)], 1, "int8-onnx")
        content = source.file(card.model_file).read_bytes()
        file = scratch / "files" / f"{number}.onnx"
        file.write_bytes(content + _note(f"copy {number}".encode()))
        fact = store.add_file(file)
        cards.append(card.model_copy(update={"model_file": fact, "golden": None}))
    return store, cards


def _note(value: bytes) -> bytes:
    """ONNX's `metadata_props` entry (field 14 of ModelProto) as protobuf writes it."""
    pair = b"\x0a\x04note" + b"\x12" + bytes([len(value)]) + value
    return b"\x72" + bytes([len(pair)]) + pair


def _lru(asked: Sequence[Asked], sizes: dict[str, int], limit_bytes: int) -> Replayed:
    models = {key: Sized(size, 0.05) for key, size in sizes.items()}
    return replay(asked, models, limit_bytes, Lru())


def _told(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    p50, p99 = (1e3 * float(np.percentile(seconds, q)) for q in (50, 99))
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms ({len(seconds)})"
