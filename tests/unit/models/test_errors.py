"""Errors travel between processes and keep what they say."""

import pickle

import pytest

from models.errors import (
    BelowBar,
    BuildFailed,
    HashMismatch,
    ModelError,
    NotInCatalogue,
    SourceUnreachable,
    StoreCorrupt,
    VariantNotFound,
)
from models.imaging import BadImage


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (SourceUnreachable("s3://b/x", "timed out"), "s3://b/x: cannot be fetched: timed out"),
        (HashMismatch("u", "aa", "bb"), "u: sha256 must be aa, got bb; deleted"),
        (BuildFailed("m", "export", "no torch"), "m: export failed: no torch"),
        (BelowBar("m", "int8-onnx", "90", "80"), "m int8-onnx: must have 90, got 80"),
        (NotInCatalogue("x", ("a", "b")), "x is not in the catalogue, which has a, b"),
        (
            VariantNotFound("x"),
            "x is not in the store; run `headwater models build`, or "
            "`headwater optimize` for what a recipe makes",
        ),
        (StoreCorrupt("x", "is gone"), "x is gone; run `headwater models build` to mend it"),
        (BadImage("no bytes"), "no bytes"),
    ],
)  # fmt: skip
def test_error_says_the_same_after_pickling(error: ModelError, text: str):
    copied = pickle.loads(pickle.dumps(error))

    assert str(error) == str(copied) == text
