"""How far each operator of a file is from itself in float, where that can be had."""

from collections.abc import Iterator, Mapping

from edge.evidence.asking import float_network, is_rounded
from edge.evidence.facts import LayerFact
from models.imaging import normalise
from models.recipes.inspected import Inspected
from models.recipes.pieces import Form, Piece

ROWS = 8

WITHOUT: Mapping[Form | None, str] = {
    "executorch": (
        "ExecuTorch gives what a program ends in and nothing between, so the error of "
        "each operator is not known."
    ),
    "coreml": (
        "Core ML's program was worked out, not run, so the error of each operator on a "
        "device is not known."
    ),
}
"""Why a form has no errors of operators."""


def layers(inspected: Inspected) -> tuple[LayerFact, ...]:
    """The error of every operator: what its step measured, or what is measured now."""
    if inspected.pieces[-1].form == "ort":
        return tuple(_of_onnx(inspected))
    return tuple(_measured(inspected))


def why_no_layers(piece: Piece) -> tuple[str, ...]:
    """Why there are none of `piece`, in words; nothing: there are."""
    return (WITHOUT[piece.form],) if piece.form in WITHOUT else ()


def _measured(inspected: Inspected) -> Iterator[LayerFact]:
    """What the quantizing step measured of each operator."""
    for piece in inspected.pieces:
        told = piece.facts.get("sensitivity")
        for one in told if isinstance(told, list) else ():
            if isinstance(one, Mapping) and "snr_db" in one:
                yield LayerFact(layer=str(one["layer"]), snr_db=float(one["snr_db"]))


def _of_onnx(inspected: Inspected) -> Iterator[LayerFact]:
    """Of the rounded ONNX that a .ort is made of, on the first rows of the dataset."""
    bench, made = inspected.bench, (inspected.source, *inspected.pieces[:-1])
    seen, before = (
        bench.spec.front_end,
        [o for o in made if o is not None and o.is_onnx],
    )
    if seen is None or not before or not is_rounded(before[-1]):
        return
    network = float_network(inspected)
    if network is None:
        return
    from models.mobile.onnx_layers import errors_db

    crops = bench.materials.crops(bench.data.evaluation[0], seen, bench.progress)
    rows = normalise(crops[:ROWS], seen)
    for layer, db in errors_db(network.onnx, before[-1].onnx, rows).items():
        yield LayerFact(layer=layer, snr_db=db)
