"""TFLite metadata in a file: a flatbuffer of its own inside, labels as a zip behind.

As the public schema has it (`metadata_schema.fbs` of TensorFlow Lite Support): the model
names the buffer `TFLITE_METADATA`, and readers find the files through the zip's directory
at the end. Runtimes look at neither, so answers stay. Pure; the same gives the same bytes.
"""

import io
import zipfile
from collections.abc import Mapping

import numpy as np

from models.litert.rewriting import pack, unpack
from models.litert.schema import schema

NAME = b"TFLITE_METADATA"
METADATA, READABLE, LABELS = "metadata.bin", "metadata.json", "labels.txt"
"""Beside a checked file: the flatbuffer, the same as JSON, and what labels are called."""

NO_DATE = (1980, 1, 1, 0, 0, 0)


def attached(content: bytes, metadata: bytes, files: Mapping[str, bytes]) -> bytes:
    """`content`, a file that `read` has accepted, with both; what it had is replaced."""
    kinds, model = schema(), unpack(content)
    buffer, entry = kinds.BufferT(), kinds.MetadataT()
    buffer.data = np.frombuffer(metadata, np.uint8)
    model.buffers = [*model.buffers, buffer]
    entry.name, entry.buffer = NAME, len(model.buffers) - 1
    others = [one for one in model.metadata or [] if one.name != NAME]
    model.metadata = [*others, entry]
    return _with_files(pack(model), files)


def _with_files(content: bytes, files: Mapping[str, bytes]) -> bytes:
    if not files:
        return content
    whole = io.BytesIO(content)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, NO_DATE), data)
    return whole.getvalue()
