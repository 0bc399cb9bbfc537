"""How a photo becomes a model's input: the one way, for calibration, evaluation, serving.

Only numpy and Pillow are needed here. Nothing changes Pillow's global state, so every
function may be called from several threads at once.
"""

import struct
import zlib
from collections.abc import Mapping
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ExifTags import Base
from PIL.Image import Transpose
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from configs.model import FrontEnd, ImageSpec

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

# What Pillow's readers raise on damaged content. Warning: where warnings are errors.
_DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError,
    RuntimeError, MemoryError, AttributeError, struct.error, zlib.error, Warning,
    Image.DecompressionBombError,
)  # fmt: skip

REDUCING_GAP = 3.0
"""A crop six and more times too large is first averaged in whole steps, down to three
times the size: 3 times faster on 12 megapixels, at most 2 of 255 off on photos."""

_TURNS: Mapping[int, Transpose] = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""EXIF orientation → what undoes it."""


class BadImage(Exception):
    """What was sent is not an image that can be taken; the sender must change it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


def decode(content: bytes, max_pixels: int) -> Image.Image:
    """Decode a JPEG, PNG, WebP or BMP file to an upright RGB image.

    Transparency is composited on white, 16 bits are scaled to 8, and of an animation
    the first frame is taken. A size above `max_pixels` is refused by the header alone.

    Raises:
        BadImage: with a text for the sender.
    """
    kind = _kind(content)
    try:
        image = _open(kind, content, max_pixels)
        image.load()
        return _upright(_to_rgb(image), _orientation(image))
    except _DAMAGE as error:
        raise BadImage(f"truncated or damaged {kind} file") from error


def from_pixels(pixels: Pixels, max_pixels: int) -> Image.Image:
    """The RGB image of ready pixels [height, width, 3].

    Raises:
        BadImage: with a text for the sender.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise BadImage("pixels must be UINT8 [height, width, 3]")
    _check_size((pixels.shape[1], pixels.shape[0]), max_pixels)
    return Image.fromarray(np.ascontiguousarray(pixels))


def crop(image: Image.Image, spec: ImageSpec) -> Pixels:
    """The centre square of an RGB image, resized: [size_px, size_px, 3]."""
    width, height = image.size
    side = spec.size_px / (spec.size_px + spec.margin_px) * min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    resized = image.resize(
        (spec.size_px, spec.size_px),
        Image.Resampling.BICUBIC,
        box=(left, top, left + side, top + side),
        reducing_gap=REDUCING_GAP,
    )
    return np.asarray(resized)


def normalise(pixels: Pixels, spec: FrontEnd, out: Floats | None = None) -> Floats:
    """Crops [n, h, w, c] as the model's input [n, c, h, w], written into `out` if given."""
    planes = pixels.transpose(0, 3, 1, 2)
    if out is None:
        out = np.empty(planes.shape, np.float32)
    # The cast is the only strided pass; the arithmetic then runs over whole rows.
    np.copyto(out, planes)
    out -= np.float32(spec.mean)
    out /= np.float32(spec.std)
    return out


def _kind(content: bytes) -> str:
    if not content:
        raise BadImage("no bytes")
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"BM"):
        return "BMP"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WebP"
    raise BadImage("not a JPEG, PNG, WebP or BMP file")


def _open(kind: str, content: bytes, max_pixels: int) -> ImageFile.ImageFile:
    """Read the header. `Image.open` would warn of large images through global filters."""
    if kind == "WebP":  # its reader allocates the canvas at once
        _check_size(_webp_size(content), max_pixels)
    readers: Mapping[str, type[ImageFile.ImageFile]] = {
        "JPEG": JpegImageFile,
        "PNG": PngImageFile,
        "BMP": BmpImageFile,
        "WebP": WebPImageFile,
    }
    image = readers[kind](BytesIO(content))
    _check_size(image.size, max_pixels)
    return image


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if min(size) < 1:
        raise BadImage("an image without pixels")
    if width * height > max_pixels:
        raise BadImage(f"{width}x{height} pixels, at most {max_pixels} are taken")


def _webp_size(content: bytes) -> tuple[int, int]:
    """The canvas of a WebP file; format: RFC 9649, sections 2.5 to 2.7."""
    chunk = content[12:16]
    if chunk == b"VP8X":
        width, height = content[24:27], content[27:30]
        little = int.from_bytes(width, "little"), int.from_bytes(height, "little")
        return little[0] + 1, little[1] + 1
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        across, down = struct.unpack_from("<HH", content, 26)
        return across & 0x3FFF, down & 0x3FFF
    raise ValueError("no image chunk")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        return _from_16_bits(image)
    if image.has_transparency_data:
        return _on_white(image.convert("RGBA"))
    return image.convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits; Pillow's own conversion clips where it must scale."""
    grey = np.asarray(image).astype(np.uint32)
    scaled = (np.minimum(grey, 65_535) + 128) // 257
    return Image.fromarray(scaled.astype(np.uint8)).convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A"))
    return page


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(Base.Orientation, 1))
    except _DAMAGE:  # broken metadata does not spoil the pixels
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)
