"""Answers of the pieces that evidence is of: the file itself, and its network in float."""

from collections.abc import Callable

from models.errors import BuildFailed
from models.evaluate import Floats
from models.litert import toolings as litert
from models.litert.asking import Asker
from models.litert.toolings import Tools
from models.mobile import toolings as mobile
from models.mobile.asking import MobileAsker, asked_of
from models.recipes.bench import Bench
from models.recipes.inspected import Inspected
from models.recipes.pieces import Piece

STEP = "evidence"


def logits_of(
    piece: Piece, bench: Bench, tools: Tools | None
) -> Callable[[str], Floats]:
    """What answers a dataset with the logits [n, classes] of a file for devices.

    Args:
        piece: of a form for devices.
        bench: where it is asked.
        tools: finds the environment that runs it; None: the one of its form.

    Raises:
        BuildFailed: it is of another form.
    """
    if piece.is_litert:
        return Asker(piece.litert, bench, tools or litert.environment).logits
    asked = asked_of(piece)
    if asked is None:
        reason = (
            f"it is gathered of files for devices, got a piece of form {piece.form}"
        )
        raise BuildFailed(bench.recipe.id, STEP, reason)
    return MobileAsker(asked, bench, tools or mobile.environment).logits


def float_logits(
    inspected: Inspected, dataset: str, tools: Tools | None
) -> Floats | None:
    """The logits of the last piece before anything rounds it; None: it is not there."""
    bench = inspected.bench
    files = [one for one in inspected.pieces if one.is_litert]
    if files:
        return logits_of(files[0], bench, tools)(dataset) if len(files) > 1 else None
    network = float_network(inspected)
    return None if network is None else bench.logits_of(network, dataset)


def float_network(inspected: Inspected) -> Piece | None:
    """The ONNX in float that a file for phones was made of; None: it is not there.

    The last torch piece, written as ONNX where it does not lie there so; without one the
    first ONNX, unless that is rounded already.

    Raises:
        BuildFailed: ONNX cannot express the network.
    """
    made = (inspected.source, *inspected.pieces[:-1])
    before = [one for one in made if one is not None]
    trained = [one for one in before if one.is_torch]
    if trained:
        return trained[-1] if trained[-1].is_onnx else _as_onnx(trained[-1], inspected)
    found = next((one for one in before if one.is_onnx), None)
    return None if found is None or is_rounded(found) else found


def _as_onnx(piece: Piece, inspected: Inspected) -> Piece:
    from models.steps.torch_onnx import OPSET, write_onnx
    from models.training.session import source_network

    bench = inspected.bench
    folder = bench.scratch / "in-float"
    folder.mkdir(exist_ok=True)
    written = Piece(folder, key=piece.key)
    network = source_network(bench, piece).module
    write_onnx(STEP, network, written.onnx, bench, OPSET)
    return written


def is_rounded(piece: Piece) -> bool:
    """Whether the ONNX of `piece` rounds to INT8."""
    from models.mobile.from_onnx import is_rounded

    return is_rounded(piece.onnx)
