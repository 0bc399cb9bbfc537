"""Asks two servers in turns: tokens a second, and how likely they find a text.

The machine is rarely ours alone, so both are up at once and take turns; what slows one
round slows its neighbour too.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from models.card import SpeedFact
from models.llm.perplexity import Scores

CONCURRENCIES, ROUNDS, ANSWER_TOKENS, PROMPT_TOKENS = (1, 8, 16), 4, 32, 32


class Asked(Protocol):
    """What answers: a server, or a fake."""

    def ask(self, path: str, body: Mapping[str, object]) -> Mapping[str, Any]:
        """The answer to `body` as JSON."""
        ...


def speeds(
    servers: Sequence[Asked], prompts: Sequence[Sequence[int]]
) -> list[tuple[SpeedFact, ...]]:
    """Tokens a second of each server at each concurrency: the median of its rounds."""
    for server in servers:
        _round(server, prompts, 1)
    facts: list[list[SpeedFact]] = [[] for _ in servers]
    for concurrency in CONCURRENCIES:
        rates: list[list[float]] = [[] for _ in servers]
        for number in range(ROUNDS):
            order = range(len(servers))
            for at in order if number % 2 == 0 else reversed(order):
                rates[at].append(_round(servers[at], prompts, concurrency))
        for fact, rate in zip(facts, rates, strict=True):
            middle = round(statistics.median(rate), 1)
            fact.append(SpeedFact(concurrency=concurrency, tokens_per_s=middle))
    return [tuple(fact) for fact in facts]


def _round(server: Asked, prompts: Sequence[Sequence[int]], concurrency: int) -> float:
    """Tokens a second while `concurrency` callers each wait for one answer."""
    chosen = [prompts[at % len(prompts)] for at in range(concurrency)]

    def call(prompt: Sequence[int]) -> int:
        body = {**_BODY, "prompt": list(prompt[:PROMPT_TOKENS])}
        made: int = server.ask("/v1/completions", body)["usage"]["completion_tokens"]
        return made

    began = time.monotonic()
    with ThreadPoolExecutor(concurrency) as callers:
        made = sum(callers.map(call, chosen))
    return made / (time.monotonic() - began)


_BODY: Mapping[str, object] = {
    "model": "model",
    "max_tokens": ANSWER_TOKENS,
    "ignore_eos": True,
    "temperature": 0,
}


def served_scores(server: Asked, found: Sequence[Sequence[int]]) -> Scores:
    """The loss of each window as the server's own kernels compute it."""
    losses, tokens = [], []
    for window in found:
        body = {**_BODY, "prompt": list(window), "max_tokens": 1, "prompt_logprobs": 0}
        told = server.ask("/v1/completions", body)["choices"][0]["prompt_logprobs"]
        likely = [
            at[str(token)]["logprob"]
            for at, token in zip(told[1:], window[1:], strict=True)
        ]
        losses.append(-sum(likely))
        tokens.append(len(likely))
    return Scores(tuple(losses), tuple(tokens))
