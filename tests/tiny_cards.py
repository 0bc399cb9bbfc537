"""A card without a store, for tests of what is decided by it."""

from configs.model import TensorSpec
from models import machine
from models.card import Card, FileFact


def a_plain_card(**facts: object) -> Card:
    """The FP32 variant of a model of one float input, made on this machine."""
    card = Card(
        model="m",
        version=1,
        variant="fp32-onnx",
        title="A model",
        licence="Apache-2.0",
        build_key="b" * 64,
        created="2026-01-02T03:04:05+00:00",
        model_file=FileFact(sha256="a" * 64, size_bytes=7),
        inputs=(TensorSpec(name="x", datatype="FP32", shape=(3,)),),
        outputs=(TensorSpec(name="y", datatype="FP32", shape=(2,)),),
        source_uri="file:///weights",
        source_sha256="c" * 64,
        machine=machine.describe(),
    )
    return card.model_copy(update=facts)
