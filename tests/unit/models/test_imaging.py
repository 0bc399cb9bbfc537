"""One way from a photo to a model's input, whatever the photo is."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from configs.model import ImageSpec
from models.imaging import crop, decode, from_pixels, normalise
from tests.fakes_photos import encoded, gradient, png_rgb16, with_orientation

MAX_PIXELS = 40_000_000
SPEC = ImageSpec(size_px=24, margin_px=4)


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(decode(content, MAX_PIXELS))


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_lossless_files_come_back_pixel_by_pixel(kind):
    photo = gradient()

    assert np.array_equal(pixels(encoded(photo, kind)), np.asarray(photo))


def test_lossless_webp_comes_back_pixel_by_pixel():
    photo = gradient()

    assert np.array_equal(
        pixels(encoded(photo, "WEBP", lossless=True)), np.asarray(photo)
    )


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_files_come_back_nearly_the_same(kind):
    photo = gradient()

    apart = np.abs(pixels(encoded(photo, kind, quality=95)).astype(int) - photo)

    assert apart.mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation):
    content = with_orientation(gradient(), orientation)

    wanted = ImageOps.exif_transpose(Image.open(BytesIO(content))).convert("RGB")

    assert np.array_equal(pixels(content), np.asarray(wanted))


def test_exif_orientation_of_a_png_is_undone():
    content = with_orientation(gradient(60, 20), 6, "PNG")

    assert decode(content, MAX_PIXELS).size == (20, 60)


def test_unknown_orientation_leaves_the_photo_as_it_is():
    content = with_orientation(gradient(60, 20), 99)

    assert decode(content, MAX_PIXELS).size == (60, 20)


def test_cmyk_jpeg_becomes_rgb():
    photo = gradient()

    found = decode(encoded(photo.convert("CMYK"), "JPEG", quality=95), MAX_PIXELS)

    assert found.mode == "RGB"
    assert np.abs(np.asarray(found).astype(int) - np.asarray(photo)).mean() < 6


def test_sixteen_bits_are_scaled_and_not_clipped():
    grey = np.array([[0, 257, 32_896, 65_535]], np.uint16)

    found = pixels(encoded(Image.fromarray(grey)))

    assert found[0, :, 0].tolist() == [0, 1, 128, 255]


def test_sixteen_bit_colour_keeps_its_high_byte():
    assert pixels(png_rgb16(2, 1, [(65_535, 0, 32_768)] * 2))[0, 0].tolist() == [
        255, 0, 128,
    ]  # fmt: skip


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA"])
def test_every_mode_of_a_png_becomes_rgb(mode):
    found = decode(encoded(gradient().convert(mode)), MAX_PIXELS)

    assert (found.mode, found.size) == ("RGB", (64, 48))


def test_transparent_pixels_are_white():
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))

    assert (pixels(encoded(clear)) == 255).all()


def test_transparent_palette_entry_is_white():
    photo = Image.new("P", (4, 4), 1)
    photo.putpalette([0, 0, 0, 200, 0, 0])

    assert (pixels(encoded(photo, transparency=1)) == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_first_frame_of_an_animation_is_taken(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]

    content = encoded(
        frames[0], kind, save_all=True, append_images=frames[1:], lossless=True
    )

    assert (pixels(content)[..., 0] > 250).all()


def test_one_pixel_is_enough():
    found = crop(decode(encoded(Image.new("RGB", (1, 1), "red")), MAX_PIXELS), SPEC)

    assert (found == [255, 0, 0]).all()


def test_threads_do_not_disturb_each_other():
    contents = [encoded(gradient(40 + n, 40)) for n in range(24)]

    with ThreadPoolExecutor(4) as threads:
        sizes = list(threads.map(lambda c: decode(c, MAX_PIXELS).size, contents))

    assert sizes == [(40 + n, 40) for n in range(24)]


def test_crop_takes_the_centre_square_without_the_margin():
    photo = np.zeros((28, 56, 3), np.uint8)
    photo[2:26, 16:40] = 255  # 24 px of the 28 high square, in the middle of 56

    assert (crop(from_pixels(photo, MAX_PIXELS), SPEC) == 255).all()


def test_shortcut_for_large_photos_is_close_to_the_direct_way_even_on_noise():
    draw = np.random.default_rng(5).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    photo = Image.fromarray(draw).resize((840, 840), Image.Resampling.BICUBIC)

    direct = photo.resize((24, 24), Image.Resampling.BICUBIC, box=(60, 60, 780, 780))

    apart = np.abs(crop(photo, SPEC).astype(int) - np.asarray(direct))
    assert apart.mean() < 1
    assert apart.max() <= 6


@given(st.integers(1, 70), st.integers(1, 70))
def test_crop_has_the_wanted_size_whatever_the_photo(width, height):
    assert crop(Image.new("RGB", (width, height)), SPEC).shape == (24, 24, 3)


def test_ready_pixels_are_taken_as_they_are():
    photo = np.asarray(gradient())

    assert np.array_equal(np.asarray(from_pixels(photo, MAX_PIXELS)), photo)


def test_normalise_turns_crops_into_planes():
    draw = np.random.default_rng(0)
    crops = draw.integers(0, 256, (3, 24, 24, 3), dtype=np.uint8)

    wanted = ((crops.astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2)

    assert np.array_equal(normalise(crops, SPEC), wanted)


def test_normalise_writes_where_it_is_told():
    target = np.empty((1, 3, 24, 24), np.float32)

    found = normalise(np.full((1, 24, 24, 3), 255, np.uint8), SPEC, target)

    assert found is target
    assert (target == 1.0).all()
