"""Photos and broken photos for tests, made here; nothing is fetched."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image


def photo(size=(64, 48), mode="RGB", kind="JPEG", **options):
    """An encoded gradient with some noise; the same bytes for the same arguments."""
    draw = np.random.default_rng(7)
    rows = np.linspace(0, 200, size[1])[:, None, None]
    pixels = (rows + draw.integers(0, 55, (size[1], size[0], 3))).astype(np.uint8)
    written = BytesIO()
    Image.fromarray(pixels).convert(mode).save(written, kind, **options)
    return written.getvalue()


def turned_by_exif():
    """A photo whose pixels lie on their side and say so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return photo(exif=exif.tobytes())


def sixteen_bit():
    """A PNG of 16-bit grey."""
    written = BytesIO()
    ramp = np.linspace(0, 65_535, 48 * 64).reshape(48, 64).astype(np.uint16)
    Image.fromarray(ramp).save(written, "PNG")
    return written.getvalue()


def animated():
    """A WebP of two frames."""
    written = BytesIO()
    frames = [Image.new("RGB", (64, 48), color) for color in ("red", "blue")]
    frames[0].save(written, "WEBP", save_all=True, append_images=frames[1:])
    return written.getvalue()


def bomb():
    """A PNG of 20 000 x 20 000 pixels in a few hundred bytes; never decoded whole."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
        )

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


GOOD = {
    "jpeg": photo(),
    "png": photo(kind="PNG"),
    "webp": photo(kind="WEBP"),
    "bmp": photo(kind="BMP"),
    "cmyk": photo(mode="CMYK"),
    "grey": photo(mode="L"),
    "palette": photo(mode="P", kind="PNG"),
    "transparent": photo(mode="RGBA", kind="PNG"),
    "16 bit": sixteen_bit(),
    "animated": animated(),
    "turned": turned_by_exif(),
    "one pixel": photo(size=(1, 1)),
    "progressive": photo(progressive=True),
}

BAD = {
    "no bytes": (b"", "no bytes"),
    "no image": (b"hello, this is text", "not a JPEG, PNG, WebP or BMP file"),
    "truncated": (photo(size=(640, 480))[:2000], "truncated or damaged JPEG file"),
    "header only": (photo(kind="PNG")[:20], "truncated or damaged PNG file"),
    "bomb": (bomb(), "20000x20000 pixels, at most 40000000 are taken"),
    "gif": (photo(mode="P", kind="GIF"), "not a JPEG, PNG, WebP or BMP file"),
}
