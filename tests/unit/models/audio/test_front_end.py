import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from configs.audio import AudioSpec
from configs.catalogue import load_catalogue, packaged_catalogue
from models.audio import device
from models.audio.front_end import levels, log_mel, transform
from models.audio.recordings import decode_wav, fitted
from models.audio.tables import tables
from models.datasets import open_dataset

DIGITS = AudioSpec(
    rate_hz=8000, samples=8000, frame_samples=256, hop_samples=160, high_hz=3800
)
SHORT = AudioSpec(
    rate_hz=8000, samples=256, frame_samples=64, hop_samples=48, bands=12, high_hz=3800
)
LARGEST = AudioSpec(samples=4096, frame_samples=1024, bands=128, steps_per_octave=64)
EDGES = st.sampled_from([-32_768, -32_767, -1, 0, 1, 32_766, 32_767])
SAMPLES = st.one_of(EDGES, st.integers(-32_768, 32_767))


def tone(spec, hertz, peak):
    at = np.arange(spec.samples) / spec.rate_hz
    return np.round(peak * np.sin(2 * np.pi * hertz * at)).astype(np.int16)[None]


@pytest.fixture(scope="module")
def short_device(compiled):
    return compiled(SHORT)


@given(arrays(np.int16, SHORT.samples, elements=SAMPLES, fill=EDGES))
@settings(max_examples=300, deadline=None)
def test_device_and_host_make_the_same_picture_of_anything(short_device, pcm):
    assert (short_device(pcm) == log_mel(pcm[None], SHORT)[0]).all()


@pytest.mark.parametrize(
    "spec", [DIGITS, SHORT, LARGEST], ids=["digits", "short", "1024"]
)
def test_device_and_host_agree_on_silence_full_scale_clipping_and_a_sweep(
    compiled, spec
):
    heard = device.drawn(spec, seed=3)

    found = np.stack([compiled(spec)(row) for row in heard])

    assert (found == log_mel(heard, spec)).all()


def test_device_and_host_agree_on_recordings_of_people(compiled, tmp_path):
    root = packaged_catalogue()
    dataset = open_dataset(
        load_catalogue(root).datasets["spoken-digits-unheard"], tmp_path, root
    )
    files = [photo.file for photo in dataset.photos[::8]]
    read = [decode_wav(file.read_bytes(), DIGITS.rate_hz) for file in files]
    heard = np.stack([fitted(one, DIGITS) for one in read])
    picture = compiled(DIGITS)

    found = np.stack([picture(row) for row in heard])

    assert len(found) >= 30
    assert (found == log_mel(heard, DIGITS)).all()


def test_full_scale_stays_within_the_numbers_that_hold_it():
    loudest = device.drawn(LARGEST, seed=0)[1:2]
    exact = np.abs(np.fft.rfft(loudest[0, :1024] * np.hanning(1025)[:-1])) ** 2

    found = levels(loudest, LARGEST)[0, 0].max() / LARGEST.steps_per_octave

    # A weight is at most 2**12: the mel sum of one bin is its power that much higher.
    assert abs(found - (np.log2(exact.max()) + 12)) < 1.0


def test_transform_is_that_of_fourier_to_a_few_steps():
    rows = np.random.default_rng(1).integers(-32_768, 32_768, (5, 256))

    real, imaginary = transform(rows, tables(DIGITS))

    exact = np.fft.rfft(rows)
    apart = np.abs(real + 1j * imaginary - exact).max() / np.abs(exact).max()
    assert apart < 5e-4


def test_silence_is_black():
    assert log_mel(np.zeros((1, 8000), np.int16), DIGITS).max() == 0


def test_picture_does_not_depend_on_how_loud_it_is():
    quiet, loud = tone(DIGITS, 1000, 1_000), tone(DIGITS, 1000, 32_000)

    apart = np.abs(log_mel(quiet, DIGITS).astype(int) - log_mel(loud, DIGITS))

    bright = log_mel(loud, DIGITS) > 200
    assert apart[bright].max() <= 1


@pytest.mark.parametrize("hertz", [200, 1000, 3000])
def test_tone_lights_the_band_that_has_its_pitch(hertz):
    low, high = (2595 * np.log10(1 + edge / 700) for edge in (60, 3800))
    place = (2595 * np.log10(1 + hertz / 700) - low) / (high - low) * 41 - 1

    found = log_mel(tone(DIGITS, hertz, 8_000), DIGITS)[0, 10, :, 0].argmax()

    assert abs(found - place) <= 1


def test_one_step_is_the_twelfth_part_of_a_doubling():
    once, twice = tone(DIGITS, 1000, 4_000), tone(DIGITS, 1000, 8_000)

    apart = levels(twice, DIGITS).max() - levels(once, DIGITS).max()

    assert apart == 2 * DIGITS.steps_per_octave  # twice the size, four times the power


def test_recordings_are_held_to_their_length_and_type():
    with pytest.raises(ValueError, match=r"INT16 \[n, 8000\], got float32 \[1, 8000\]"):
        log_mel(np.zeros((1, 8000), np.float32), DIGITS)
    with pytest.raises(ValueError, match=r"got int16 \[1, 7999\]"):
        log_mel(np.zeros((1, 7999), np.int16), DIGITS)
