"""Measures an engine on the recipe's photos and on this machine's GPU."""

from collections.abc import Sequence

import numpy as np

from configs.model import ImageSpec
from models.errors import BuildFailed
from models.evaluate import Floats, quality
from models.imaging import Pixels, normalise
from models.recipes.bench import NO_IMAGE, Bench, Teacher
from models.recipes.judged import Judged
from models.recipes.pieces import ONNX, Piece
from models.recipes.voting import voted_logits
from models.tensorrt.api import load_api
from models.tensorrt.compare import Answers, timed_in_turns
from models.tensorrt.engines import Runtime, open_engine
from models.tensorrt.gpu import Gpu, find_gpu
from models.tensorrt.memory import find_memory
from models.tensorrt.run import EngineRunner

STEP = "measuring"
BATCHES, CHUNK = (1, 8, 32), 32


def judge_engine(piece: Piece, reference: Sequence[Teacher], bench: Bench) -> Judged:
    """Everything a card says of `piece`, beside `reference` where there is one.

    Raises:
        BuildFailed: there is no GPU, or no library, to run it here.
        EngineUnfit: it was built for another GPU or library.
    """
    runner = _runner(piece, bench, find_gpu())
    return judge_answers(piece, runner, reference, bench)


def _served_bytes(piece: Piece) -> int:
    """Without the ONNX beside it, which only waits to be built anew."""
    return sum(file.stat().st_size for file in piece.files() if file.name != ONNX)


def judge_answers(
    piece: Piece, runner: Answers, reference: Sequence[Teacher], bench: Bench
) -> Judged:
    """The same, of whatever answers for `piece`."""
    image = bench.spec.image
    if image is None:
        raise BuildFailed(bench.recipe.id, STEP, NO_IMAGE)
    own, other = [], []
    for name in bench.data.evaluation:
        dataset = bench.materials.dataset(name)
        crops = bench.materials.crops(name, image, bench.progress)
        voted = voted_logits(reference, name, bench)
        own.append(quality(dataset, _logits(runner, crops, image), voted))
        if voted is not None:
            other.append(quality(dataset, voted))
    size, name = image.size_px, bench.recipe.variant
    blank = np.zeros((max(BATCHES), 3, size, size), np.float32)
    return Judged(
        name=name,
        form="engine",
        size_bytes=_served_bytes(piece),
        quality=tuple(own),
        latency=tuple(timed_in_turns([runner], blank[:n])[0] for n in BATCHES),
        reference=_reference(reference, other),
    )


def _runner(piece: Piece, bench: Bench, gpu: Gpu | None) -> EngineRunner:
    if gpu is None:
        reason = (
            "an engine is measured on the GPU that runs it, and this machine has none"
        )
        raise BuildFailed(bench.recipe.id, STEP, reason)
    # RTX has no bindings here: its engines are refused below, by the name of their kind.
    try:
        api = load_api("tensorrt")
    except ImportError as error:
        reason = f"{error}: install headwater[tensorrt]"
        raise BuildFailed(bench.recipe.id, STEP, reason) from error
    engine = open_engine(piece.folder, Runtime(api.kind, api.version, gpu))
    return EngineRunner(api, engine, find_memory())


def _logits(runner: Answers, crops: Pixels, image: ImageSpec) -> Floats:
    starts = range(0, len(crops), CHUNK)
    parts = [runner.logits(normalise(crops[at : at + CHUNK], image)) for at in starts]
    return np.concatenate(parts)


def _reference(teachers: Sequence[Teacher], facts: Sequence[object]) -> Judged | None:
    if not teachers:
        return None
    return Judged.model_validate(
        {
            "name": " + ".join(one.spec.id for one in teachers),
            "form": "onnx",
            "size_bytes": sum(one.piece.onnx.stat().st_size for one in teachers),
            "quality": tuple(facts),
        }
    )
