"""A candidate's file held against device classes, whatever its form."""

from collections.abc import Mapping, Sequence

from configs.device import DeviceSpec
from edge.readiness.classes import readiness
from edge.readiness.declared import declared
from edge.readiness.findings import Readiness
from models.litert.golden import CHECKS
from models.litert.reading import read_file
from models.mobile.checks import Checks
from models.recipes.pieces import Piece


def held(
    piece: Piece, size_bytes: int, devices: Sequence[DeviceSpec]
) -> Mapping[str, Readiness]:
    """By class, what running the file of `piece`, which takes `size_bytes`, comes to.

    Raises:
        BadModelFile: it is no sound .tflite.
    """
    if piece.is_litert:
        graph = read_file(piece.litert)
        return {one.id: readiness(graph, one, size_bytes) for one in devices}
    checks = Checks.model_validate_json((piece.folder / CHECKS).read_bytes())
    return {one.id: declared(checks, one, size_bytes) for one in devices}
