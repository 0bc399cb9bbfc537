"""Photos made on the spot, in every form that clients send."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image


def gradient(width: int = 64, height: int = 48) -> Image.Image:
    """An RGB image without symmetry: red grows to the right, green downwards."""
    across = np.linspace(0, 255, width, dtype=np.uint8)
    down = np.linspace(0, 255, height, dtype=np.uint8)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = across[None, :], down[:, None]
    pixels[..., 2] = 40
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """`image` as the bytes of a file."""
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def with_orientation(image: Image.Image, orientation: int, kind: str = "JPEG") -> bytes:
    """`image` as a file whose EXIF says how it must be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, kind, exif=exif)


def png_header_only(width: int, height: int) -> bytes:
    """A PNG file that says its size and holds no pixels."""
    return _png(width, height, 8, b"")


def png_rgb16(width: int, height: int, row: list[tuple[int, int, int]]) -> bytes:
    """A PNG file of 16 bits a channel, which Pillow cannot write; every row is `row`."""
    packed = b"".join(struct.pack(">HHH", *pixel) for pixel in row)
    return _png(width, height, 16, (b"\0" + packed) * height)


def _chunk(name: bytes, body: bytes) -> bytes:
    checked = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + checked


def _png(width: int, height: int, depth: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    parts = [_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + _chunk(b"IEND", b"")
