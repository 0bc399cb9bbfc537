"""Measures a language model's folder: perplexity, endings, speed, memory.

Perplexity comes from the reference computation (quantized layers round weights and
activations to their bits, sums are exact) and, where this machine's vLLM has kernels for
the scheme, from the server as well: what serves is what is judged.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from models.card import MeasuredFact, SpeedFact, TextFact
from models.errors import BuildFailed
from models.keys import hash_of
from models.llm import toolings
from models.llm.anatomy import NONE, BadFolder, inspect
from models.llm.load import served_scores, speeds
from models.llm.perplexity import Scores, accuracies, perplexity, rise, scores_from
from models.llm.server import Server, serving
from models.llm.tools import Tool, Tools, compressor, server_environment, texts
from models.recipes.bench import Bench, Teacher
from models.recipes.judged import Judged
from models.recipes.pieces import Piece

CUT: Mapping[str, object] = {
    "window_tokens": 256,
    "max_windows": 32,
    "question_tokens": 48,
    "answer_tokens": 16,
    "choices": 4,
    "max_questions": 32,
    "datatype": "auto",
    "seed": 0,
}
"""What of a text is read; the same for every model that is compared."""

ON_CPU, SERVED_WINDOWS = (NONE, "W8A8"), 16
"""Schemes that vLLM computes on every CPU it supports; W4A16 needs AVX-512 or a GPU."""


def judge_llm(piece: Piece, reference: Sequence[Teacher], bench: Bench) -> Judged:
    """Everything a card says of `piece`, beside `reference` where there is one.

    Raises:
        ModelError: see `judge_with`.
    """
    return judge_with(compressor, piece, reference, bench)


def judge_with(
    tools: Tools, piece: Piece, reference: Sequence[Teacher], bench: Bench
) -> Judged:
    """The same, with the tool that `tools` finds.

    Raises:
        BuildFailed: a folder is not what it says, or the model gives NaN.
        ToolFailed: an environment cannot be made, or its tool fails.
    """
    others = [teacher.piece for teacher in reference]
    pieces = [piece, *others[:1]]
    try:
        schemes = [inspect(one.folder).scheme for one in pieces]
    except BadFolder as error:
        raise BuildFailed(bench.recipe.id, "judge", str(error)) from error
    facts = _read(tools(bench), pieces, bench)
    measured = [MeasuredFact(text=tuple(fact)) for fact in facts]
    if all(scheme in ON_CPU for scheme in schemes) and bench.data.evaluation:
        served = _serve(pieces, bench)
        measured = [
            own.model_copy(update={**more, "text": (*own.text, *more["text"])})
            for own, more in zip(measured, served, strict=True)
        ]
    judged = [
        Judged(name=name, form="llm", size_bytes=one.size_bytes, measured=fact)
        for name, one, fact in zip(_names(bench), pieces, measured, strict=False)
    ]
    against = judged[1] if len(judged) > 1 else None
    return judged[0].model_copy(update={"reference": against})


def _names(bench: Bench) -> tuple[str, str]:
    return bench.recipe.variant, bench.spec.id


def _read(tool: Tool, pieces: Sequence[Piece], bench: Bench) -> list[list[TextFact]]:
    """The facts of each piece on each text, by the reference computation."""
    facts = [list[TextFact]() for _ in pieces]
    for dataset in bench.data.evaluation:
        found = [_scores(tool, one, pieces[-1], dataset, bench) for one in pieces]
        for at, scores in enumerate(found):
            before = found[-1] if at < len(pieces) - 1 else None
            facts[at].append(_fact(dataset, scores, before, bench))
    return facts


def _scores(
    tool: Tool, piece: Piece, reference: Piece, dataset: str, bench: Bench
) -> Scores:
    """What `piece` makes of a text; what was read once is remembered."""
    sha256 = bench.materials.sha256(dataset)
    said = [piece.key, reference.key, sha256, dict(CUT), toolings.compress().key]
    kept = bench.rooms.logits / f"{hash_of(said)}.json"
    if piece.key and kept.is_file():
        return scores_from(json.loads(kept.read_bytes()))
    request = {
        **CUT,
        "model": str(piece.folder.resolve()),
        "tokenizer": str(reference.folder.resolve()),
        "texts": texts(bench, dataset),
    }
    told: Mapping[str, Any] = tool("score", request)
    if piece.key:
        _remember(kept, told)
    return scores_from(told)


def _remember(kept: Path, told: Mapping[str, Any]) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(".part")
    part.write_text(json.dumps(told), encoding="utf-8")
    part.replace(kept)


def _fact(name: str, scores: Scores, before: Scores | None, bench: Bench) -> TextFact:
    dataset = name.partition(SERVED)[0]
    return TextFact(
        dataset=name,
        dataset_sha256=bench.materials.sha256(dataset),
        tokens=sum(scores.tokens),
        perplexity=perplexity(scores),
        rise=None if before is None else rise(before, scores),
        accuracy=accuracies(scores),
    )


SERVED = ", served by vLLM"


def _serve(pieces: Sequence[Piece], bench: Bench) -> list[dict[str, Any]]:
    """Speed, memory and perplexity of each piece behind a server; they take turns."""
    environment, dataset = server_environment(bench), bench.data.evaluation[0]
    environment.make()
    cut = {**CUT, "max_windows": SERVED_WINDOWS, "texts": texts(bench, dataset)}
    cut["tokenizer"] = str(pieces[-1].folder.resolve())
    found = compressor(bench)("tokens", cut)
    with ExitStack() as running:
        servers: list[Server] = []
        for number, one in enumerate(pieces):
            bench.progress("start vLLM", number, len(pieces))
            server = serving(environment.python, one.folder.resolve())
            servers.append(running.enter_context(server))
        bench.progress("start vLLM", len(pieces), len(pieces))
        scores = [served_scores(server, found) for server in servers]
        rates: list[tuple[SpeedFact, ...]] = speeds(servers, found)
        peaks = [server.memory_bytes() for server in servers]
    name = f"{dataset}{SERVED} on {platform.machine()}"
    references = [*[scores[-1]] * (len(pieces) - 1), None]
    return [
        {
            "text": (_fact(name, own, before, bench),),
            "speed": rate,
            "peak_memory_bytes": peak,
        }
        for own, before, rate, peak in zip(
            scores, references, rates, peaks, strict=True
        )
    ]
