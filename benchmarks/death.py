"""What clients see when replicas are killed under load.

    python -m benchmarks.death --kill 1

Needs a running `make serve`. Callers over HTTP and gRPC send one photo without pause;
after a while ingress replicas get SIGKILL. Shows how many calls failed and how, whether
any answer was wrong, the slowest call, and when all replicas were back.
"""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import aiohttp
import grpc
import numpy as np
import typer
from rich.console import Console

from configs.environment import Environment, load_environment
from serve_app.cluster import dashboard, lifecycle, state
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.inference_pb2_grpc import GRPCInferenceServiceStub

HTTP = "http://127.0.0.1:8000/v1/pipelines/vision"
GRPC = "127.0.0.1:9000"
RIGHT = "right answer"
BEFORE_S, AFTER_S, BACK_WITHIN_S = 8.0, 30.0, 120.0

Ask = Callable[[], Awaitable[tuple[str, list[int]]]]
"""One call: how it ended, and the classes it answered."""


@dataclass(slots=True)
class Seen:
    """What the callers of one protocol saw."""

    wanted: list[int]
    ends: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0

    async def ask_until(self, ask: Ask, until_s: float) -> None:
        """Call again and again and keep the count."""
        while time.monotonic() < until_s:
            began_s = time.monotonic()
            end, classes = await ask()
            if end == RIGHT and classes != self.wanted:
                end = "WRONG ANSWER"
            self.ends[end] += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)
            if end != RIGHT:
                await asyncio.sleep(0.1)


def over_http(session: aiohttp.ClientSession, photo: bytes) -> Ask:
    """Calls of the friendly route."""

    async def ask() -> tuple[str, list[int]]:
        try:
            async with session.post(HTTP, data=photo) as answer:
                if answer.status != 200:
                    return f"HTTP {answer.status}", []
                labels = json.loads(await answer.read())["labels"]
                return RIGHT, [label["class_index"] for label in labels]
        except aiohttp.ClientError as error:
            return type(error).__name__, []

    return ask


def over_grpc(channel: grpc.aio.Channel, photo: bytes) -> Ask:
    """Calls of ModelInfer."""
    stub = GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
    request = pb.ModelInferRequest(model_name="vision")
    tensor = request.inputs.add(name="image", datatype="BYTES", shape=[1])
    tensor.contents.bytes_contents.append(photo)

    async def ask() -> tuple[str, list[int]]:
        try:
            answer = await stub.ModelInfer(request, timeout=60)
        except grpc.aio.AioRpcError as error:
            return f"gRPC {error.code().name}", []
        return RIGHT, np.frombuffer(answer.raw_output_contents[1], np.int64).tolist()

    return ask


def replica_pids(environment: Environment) -> list[int]:
    """The processes of the ingress replicas that run."""
    token = state.token_file(environment)
    details = dashboard.serve_details(environment.dashboard_port, token)
    replicas = details["applications"]["headwater"]["deployments"]["ingress"][
        "replicas"
    ]
    return [one["pid"] for one in replicas if one["state"] == "RUNNING"]


async def measure(environment: Environment, photo: bytes, kill: int) -> None:
    """Load, kill, load on, and show what was seen."""
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        grpc.aio.insecure_channel(GRPC) as channel,
    ):
        asks = {"HTTP": over_http(session, photo), "gRPC": over_grpc(channel, photo)}
        seen = {name: Seen((await ask())[1]) for name, ask in asks.items()}
        until_s = time.monotonic() + BEFORE_S + AFTER_S
        callers = [
            asyncio.ensure_future(seen[name].ask_until(ask, until_s))
            for name, ask in asks.items()
            for _ in range(4)
        ]
        back_s = await _kill(environment, kill)
        await asyncio.gather(*callers)
    console = Console()
    for name, one in seen.items():
        console.print(f"{name}: {dict(one.ends)}, slowest {one.slowest_s:.2f} s")
    console.print(f"all replicas back after {back_s:.1f} s")


async def _kill(environment: Environment, kill: int) -> float:
    await asyncio.sleep(BEFORE_S)
    pids = await asyncio.to_thread(replica_pids, environment)
    for pid in pids[:kill]:
        os.kill(pid, signal.SIGKILL)
    began_s = time.monotonic()
    while time.monotonic() - began_s < BACK_WITHIN_S:
        alive = await asyncio.to_thread(replica_pids, environment)
        if len(alive) == len(pids) and not set(pids[:kill]) & set(alive):
            break
        await asyncio.sleep(0.5)
    return time.monotonic() - began_s


def main(
    kill: Annotated[int, typer.Option(help="Replicas to kill at once.")] = 1,
    photo: Annotated[Path | None, typer.Option(help="Photo to send.")] = None,
) -> None:
    """Kill ingress replicas of the running `make serve` under load."""
    environment = load_environment()
    lifecycle.require_running(environment)
    sent = photo or environment.home / "cat.png"
    asyncio.run(measure(environment, sent.read_bytes(), kill))


if __name__ == "__main__":
    typer.run(main)
