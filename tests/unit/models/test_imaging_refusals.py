"""What is no photo, or too large a one, is refused with a reason and nothing else."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.imaging import BadImage, decode, from_pixels
from tests.fakes_photos import encoded, gradient, png_header_only

MAX_PIXELS = 40_000_000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no bytes"),
        (b"hello", "not a JPEG, PNG, WebP or BMP file"),
        (b"GIF89a" + bytes(100), "not a JPEG, PNG, WebP or BMP file"),
        (b"\xff\xd8\xff", "truncated or damaged JPEG file"),
        (b"\x89PNG\r\n\x1a\n", "truncated or damaged PNG file"),
        (b"BM", "truncated or damaged BMP file"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "truncated or damaged WebP file"),
        (b"RIFF\x00\x00\x00\x00WEBPxxxx" + bytes(40), "truncated or damaged WebP file"),
    ],
)
def test_what_is_no_image_is_refused_with_a_reason(content, reason):
    with pytest.raises(BadImage) as refused:
        decode(content, MAX_PIXELS)

    assert str(refused.value) == reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_half_a_file_is_refused(kind):
    content = encoded(gradient(200, 200), kind)

    with pytest.raises(BadImage, match="truncated or damaged"):
        decode(content[: len(content) // 2], MAX_PIXELS)


def test_bomb_is_refused_before_it_is_decoded():
    content = png_header_only(20_000, 20_000)  # decoding would fail: no pixels inside

    with pytest.raises(BadImage) as refused:
        decode(content, MAX_PIXELS)

    assert str(refused.value) == "20000x20000 pixels, at most 40000000 are taken"


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_size_limit_holds_for_every_format(kind, lossless):
    content = encoded(gradient(50, 40), kind, lossless=lossless)

    with pytest.raises(BadImage, match="50x40 pixels, at most 1999 are taken"):
        decode(content, 1999)


def test_webp_canvas_is_read_from_an_extended_header():
    content = encoded(gradient(50, 40).convert("RGBA"), "WEBP", exif=b"Exif\0\0II*\0")

    with pytest.raises(BadImage, match="50x40"):
        decode(content, 1)


def test_photo_at_the_limit_is_taken():
    assert decode(encoded(gradient(50, 40)), 2000).size == (50, 40)


def test_pixels_beyond_pillows_own_limit_do_not_warn():
    with pytest.raises(BadImage, match="14000x14000"):
        decode(png_header_only(14_000, 14_000), MAX_PIXELS)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP", "BMP"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255))),
    st.floats(0, 1),
)
def test_damage_is_decoded_or_refused_but_never_anything_else(kind, changes, keep):
    content = bytearray(encoded(gradient(), kind))
    for place, value in changes:
        content[int(place * len(content))] = value

    with suppress(BadImage):
        assert decode(bytes(content[: int(keep * len(content))]), 100_000).mode == "RGB"


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM"]), st.binary())
def test_noise_behind_a_magic_number_is_refused(magic, noise):
    with pytest.raises(BadImage):
        decode(magic + noise, 10_000)


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (np.zeros((4, 4), np.uint8), "pixels must be UINT8"),
        (np.zeros((4, 4, 4), np.uint8), "pixels must be UINT8"),
        (np.zeros((4, 4, 3), np.float32), "pixels must be UINT8"),
        (np.zeros((0, 4, 3), np.uint8), "an image without pixels"),
        (np.zeros((9, 9, 3), np.uint8), "9x9 pixels, at most 80 are taken"),
    ],
)
def test_wrong_pixels_are_refused(photo, reason):
    with pytest.raises(BadImage, match=reason):
        from_pixels(photo, 80)
