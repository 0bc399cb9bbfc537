"""Where a request's time goes inside a replica: the whole front end in this process.

No Ray, no socket: the ASGI application is called directly, with the real service behind
it, one request at a time.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message

from benchmarks.contenders import Subject, Work
from benchmarks.facts import HttpTarget, SplitFact
from deployments.blueprint import Blueprint
from deployments.contracts import model_contract, pipeline_contract
from deployments.graph import Graph
from deployments.layout import INGRESS, STEPS, model_name, step_name
from deployments.messages import Contract, Reply, Request
from deployments.nodes import Node, Pipeline
from deployments.served import Offer, Served
from deployments.slots import Slots
from serve_app.http import Limits, build_http

_WARMUP = 20


@dataclass(slots=True)
class Timed:
    """A node that adds up the seconds spent in it."""

    node: Node
    spent_s: float = 0.0

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        started_s = time.perf_counter()
        reply = await self.node.infer(request)
        self.spent_s += time.perf_counter() - started_s
        return reply


@dataclass(slots=True)
class TimedService:
    """A service that adds up the seconds spent in `infer`."""

    served: Served
    spent_s: float = 0.0

    def contracts(self) -> Sequence[Contract]:
        """See `Service.contracts`."""
        return self.served.contracts()

    def contract(self, name: str, version: str = "") -> Contract:
        """See `Service.contract`."""
        return self.served.contract(name, version)

    def versions(self, name: str) -> Sequence[str]:
        """See `Service.versions`."""
        return self.served.versions(name)

    async def ready(self, name: str = "", version: str = "") -> bool:
        """See `Service.ready`."""
        return await self.served.ready(name, version)

    async def infer(self, request: Request, version: str = "") -> Reply:
        """See `Service.infer`."""
        started_s = time.perf_counter()
        reply = await self.served.infer(request, version)
        self.spent_s += time.perf_counter() - started_s
        return reply


class Bench:
    """One replica's nodes and front end, with a clock at each border."""

    def __init__(self, work: Work) -> None:
        self._slots = Slots(1)
        self._graph = Graph(work.blueprint, INGRESS, self._slots, _nowhere)
        self._graph.load()
        self.model = Timed(self._graph.node(model_name(work.model)))
        self.steps = {
            step: Timed(self._graph.node(step_name(work.pipeline, step)))
            for step in STEPS
        }
        self.pipeline = Timed(Pipeline(list(self.steps.values())))
        self.service = TimedService(Served(self._offers(work)))
        self.app: ASGIApp = build_http(self.service, Limits())

    def run_s(self) -> float:
        """Seconds so far in which models ran."""
        return sum(model.stats.run_s for model in self._graph.models.values())

    def queue_s(self) -> float:
        """Seconds so far that requests waited in a model's queue."""
        return sum(model.stats.queue_s for model in self._graph.models.values())

    async def close(self) -> None:
        """End every queue and thread."""
        await self._graph.close()
        self._slots.close()

    def _offers(self, work: Work) -> list[Offer]:
        blueprint: Blueprint = work.blueprint
        return [
            Offer(pipeline_contract(blueprint, work.pipeline), self.pipeline, _always),
            Offer(model_contract(blueprint, work.model), self.model, _always),
        ]


def split_inside(
    work: Work, subjects: Sequence[Subject], requests: int
) -> tuple[SplitFact, ...]:
    """Mean times of `requests` requests of each HTTP subject of Headwater."""
    return asyncio.run(_split_all(work, subjects, requests))


async def _split_all(
    work: Work, subjects: Sequence[Subject], requests: int
) -> tuple[SplitFact, ...]:
    bench = Bench(work)
    try:
        return tuple(
            [
                await _split(bench, subject, subject.target, requests)
                for subject in subjects
                if isinstance(subject.target, HttpTarget)
            ]
        )
    finally:
        await bench.close()


async def _split(
    bench: Bench, subject: Subject, target: HttpTarget, requests: int
) -> SplitFact:
    for _ in range(_WARMUP):
        await post(bench.app, target, subject.body)
    before, started_s = _clocks(bench), time.perf_counter()
    for _ in range(requests):
        await post(bench.app, target, subject.body)
    total_s = time.perf_counter() - started_s
    after = _clocks(bench)
    spent_s = {name: after[name] - before[name] for name in after}
    parts_s = split_parts(subject.fact.group == "model", total_s, spent_s)
    return SplitFact(
        subject=subject.fact.id,
        requests=requests,
        total_ms=1000 * total_s / requests,
        parts_ms={name: 1000 * part / requests for name, part in parts_s.items()},
    )


def _clocks(bench: Bench) -> dict[str, float]:
    return {
        "service": bench.service.spent_s,
        "model": bench.model.spent_s,
        "pipeline": bench.pipeline.spent_s,
        **{step: timed.spent_s for step, timed in bench.steps.items()},
        "run": bench.run_s(),
        "queue": bench.queue_s(),
    }


def split_parts(
    is_model: bool, total_s: float, spent_s: Mapping[str, float]
) -> dict[str, float]:
    """Parts that add up to the total."""
    node_s = spent_s["model" if is_model else "pipeline"]
    parts = {
        "protocol": total_s - spent_s["service"],
        "contract check": spent_s["service"] - node_s,
    }
    if is_model:
        run_s, queue_s = spent_s["run"], spent_s["queue"]
        rest_s = node_s - run_s - queue_s
        return parts | {"queue": queue_s, "model run": run_s, "hand-over": rest_s}
    ensemble_s, run_s = spent_s["ensemble"], spent_s["run"]
    return parts | {
        "preprocess": spent_s["preprocess"],
        "model runs": run_s,
        "vote and hand-over": ensemble_s - run_s,
        "postprocess": spent_s["postprocess"],
    }


async def post(app: ASGIApp, target: HttpTarget, body: bytes) -> bytes:
    """Call an ASGI application once and return the body of its answer.

    Raises:
        ValueError: the answer is not a 200.
    """
    messages: list[Message] = [{"type": "http.request", "body": body}]
    answers: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop()
        return await asyncio.Future()  # a client that stays connected

    async def send(message: Message) -> None:
        answers.append(message)

    await app(_scope(target, len(body)), receive, send)
    if answers[0]["status"] != 200:
        raise ValueError(f"{target.url} answered {answers[0]['status']}")
    return b"".join(answer.get("body", b"") for answer in answers[1:])


def _scope(target: HttpTarget, size: int) -> dict[str, Any]:
    path = urlsplit(target.url).path
    headers = {**target.headers, "Content-Length": str(size), "Host": "localhost"}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }


async def _always() -> bool:
    return True


def _nowhere(deployment: str, node: str) -> Node:
    raise LookupError(f"{node} of {deployment}: everything must be in this process")
