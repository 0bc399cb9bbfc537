"""How likely a model finds a text, and which of several endings it finds likeliest."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.llm.workers.folders import load
from models.llm.workers.tokens import questions, tokens_of, windows
from models.progress import Progress

BATCH_TOKENS = 2048


def answer(request: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Score `model` on `texts`, cut into windows by the tokenizer of `tokenizer`.

    Quantized layers compute as they will when served: weights and activations are
    rounded to their bits; only the sums are exact.
    """
    ids = tokens_of(request["tokenizer"], request["texts"])
    size = request["window_tokens"]
    found = windows(ids, size, request["max_windows"])
    short = windows(ids, request["question_tokens"], request["max_questions"])
    asked = questions(
        short, request["answer_tokens"], request["choices"], request["seed"]
    )
    model = load(request["model"], request["datatype"])
    told = _Told(progress, len(found) + len(asked))
    scored = [
        row for batch in _batches(found, size) for row in told(_rows(model, batch))
    ]
    losses = [sum(row.losses) for row in scored]
    if not all(loss == loss for loss in losses):  # NaN differs from itself
        raise ValueError("the model gives NaN; its weights are broken")
    right = [_chosen(model, one, request["answer_tokens"], told) == 0 for one in asked]
    return {
        "tokens": [len(row.losses) for row in scored],
        "losses": losses,
        "hits": [row.hits for row in scored],
        "right": right,
    }


class _Row:
    def __init__(self, losses: list[float], hits: int) -> None:
        self.losses, self.hits = losses, hits


class _Told:
    """Tells how many windows and questions are done."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, rows: list[_Row]) -> list[_Row]:
        self.advance(len(rows))
        return rows

    def advance(self, count: int) -> None:
        self._done += count
        self._progress("read text", self._done, self._total)


def _batches(
    found: Sequence[Sequence[int]], size: int
) -> Iterator[Sequence[Sequence[int]]]:
    step = max(1, BATCH_TOKENS // size)
    for at in range(0, len(found), step):
        yield found[at : at + step]


def _rows(model: Any, batch: Sequence[Sequence[int]]) -> list[_Row]:
    """The loss in nats of every token but the first, and how many were top-1."""
    import torch

    with torch.inference_mode():
        ids = torch.tensor(batch)
        logits = model(ids).logits[:, :-1].float()
        wanted = ids[:, 1:]
        likely = logits.log_softmax(-1).gather(-1, wanted[..., None])[..., 0]
        hits = (logits.argmax(-1) == wanted).sum(-1)
    return [
        _Row((-row).tolist(), int(count))
        for row, count in zip(likely, hits, strict=True)
    ]


def _chosen(
    model: Any, asked: Sequence[Sequence[int]], answer_tokens: int, told: _Told
) -> int:
    rows = _rows(model, asked)
    told.advance(1)
    losses = [sum(row.losses[-answer_tokens:]) for row in rows]
    return losses.index(min(losses))
