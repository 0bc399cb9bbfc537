import contextlib
import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.audio import AudioSpec
from models.audio.recordings import BadRecording, decode_wav, fitted, from_mu_law

SPEC = AudioSpec(rate_hz=8000, samples=64, frame_samples=64, high_hz=3800)


def pcm_wav(samples, rate=8000, channels=1):
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, "<i2").tobytes())
    return content.getvalue()


def wav(code, bits, data, rate=8000):
    said = struct.pack("<HHIIHH", code, 1, rate, rate * bits // 8, bits // 8, bits)
    chunks = b"fmt " + struct.pack("<I", len(said)) + said
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_pcm_comes_out_as_it_went_in():
    samples = [0, 1, -1, 32_767, -32_768]

    assert decode_wav(pcm_wav(samples), 8000).tolist() == samples


def test_mu_law_is_that_of_g_711():
    codes = np.array([0xFF, 0x7F, 0x80, 0x00, 0xFE, 0x7E, 0xEF], np.uint8)

    # Table 2 of the recommendation, in samples of 16 bits.
    assert from_mu_law(codes).tolist() == [0, 0, 32_124, -32_124, 8, -8, 132]


def test_mu_law_file_is_read():
    assert decode_wav(wav(7, 8, b"\x80\x00"), 8000).tolist() == [32_124, -32_124]


def test_odd_byte_at_the_end_is_left_out():
    assert decode_wav(wav(1, 16, b"\x01\x00\x02"), 8000).tolist() == [1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a WAV file"),
        (b"\x89PNG", "not a WAV file"),
        (pcm_wav([1, 2])[:30], "truncated or damaged WAV file"),
        (pcm_wav([1, 2, 3])[:-2], "damaged WAV file: 4 of 6 bytes of data"),
        (pcm_wav([]), "truncated or damaged WAV file"),
        (pcm_wav([1, 2], rate=44_100), "1 channel of 8000 Hz, has 1 of 44100 Hz"),
        (pcm_wav([1, 2], channels=2), "1 channel of 8000 Hz, has 2 of 8000 Hz"),
        (wav(3, 32, b"\0" * 8), "PCM of 16 bits or µ-law, is encoding 3 of 32 bits"),
    ],
    ids=[
        "empty",
        "png",
        "cut",
        "cut within samples",
        "silent",
        "rate",
        "stereo",
        "float",
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_reason(content, reason):
    with pytest.raises(BadRecording, match=reason):
        decode_wav(content, 8000)


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_never_anything_else(tail):
    for content in (tail, b"RIFF\0\0\0\0WAVE" + tail, pcm_wav([1, 2, 3])[:20] + tail):
        with contextlib.suppress(BadRecording):
            assert decode_wav(content, 8000).dtype == np.int16


def test_short_recording_stands_in_the_middle_of_silence():
    found = fitted(np.array([5, 6, 7, 8], np.int16), SPEC)

    assert found[30:34].tolist() == [5, 6, 7, 8]
    assert np.count_nonzero(found) == 4


def test_of_a_long_recording_the_middle_is_heard():
    found = fitted(np.arange(100, dtype=np.int16), SPEC)

    assert (found[0], found[-1]) == (18, 81)
