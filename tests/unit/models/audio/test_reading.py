import wave

import numpy as np
import pytest

from configs.audio import AudioSpec
from configs.catalogue import Catalogue
from configs.dataset import DatasetSpec
from models.audio.front_end import log_mel
from models.audio.reading import pictures
from models.datasets import open_dataset, open_folder
from models.errors import SourceUnreachable
from models.materials import Materials, ReadableMaterials

SPEC = AudioSpec(
    rate_hz=8000, samples=800, frame_samples=128, hop_samples=80, bands=16, high_hz=3800
)


def record(file, pcm, rate=8000):
    with wave.open(str(file), "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(rate)
        opened.writeframes(pcm.astype("<i2").tobytes())


@pytest.fixture
def folder(tmp_path):
    """Three recordings as somebody of the field names them."""
    home = tmp_path / "recordings"
    home.mkdir()
    draw = np.random.default_rng(0)
    for digit in range(3):
        record(home / f"{digit}_ann_0.wav", draw.integers(-9000, 9000, 800))
    return home


def spec(folder):
    return DatasetSpec(
        id="digits",
        title="digits",
        licence="MIT",
        source=f"catalogue://{folder.name}.tar/*.wav",
        label_pattern=r"^(\d)_",
    )


@pytest.fixture
def packed(folder):
    """The catalogue of an archive of them."""
    import tarfile

    with tarfile.open(folder.parent / f"{folder.name}.tar", "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, file.name)
    return Catalogue(folder.parent, {}, {"digits": spec(folder)}, {})


def test_recordings_become_pictures_in_order_of_name(packed, tmp_path):
    materials = Materials(packed, tmp_path / "cache")

    found = materials.crops("digits", SPEC, lambda *_: None)

    assert materials.dataset("digits").labels.tolist() == [0, 1, 2]
    draw = np.random.default_rng(0)
    heard = np.stack([draw.integers(-9000, 9000, 800) for _ in range(3)])
    assert (found == log_mel(heard.astype(np.int16), SPEC)).all()


def test_folder_with_a_list_of_labels_is_read_as_well(folder):
    rows = "file,class_index\n1_ann_0.wav,7\n0_ann_0.wav,3\n"
    (folder / "labels.csv").write_text(rows)

    dataset = open_folder(folder)

    assert dataset.labels.tolist() == [7, 3]
    assert pictures(dataset, SPEC).shape == (2, *SPEC.shape)


def test_recording_that_cannot_be_taken_is_named(folder):
    record(folder / "1_ann_0.wav", np.zeros(10), rate=16_000)
    (folder / "labels.csv").write_text("file,class_index\n1_ann_0.wav,1\n")

    with pytest.raises(SourceUnreachable, match=r"1_ann_0.wav.*1 of 16000 Hz"):
        pictures(open_folder(folder), SPEC)


def test_broken_recordings_are_left_out_where_that_is_asked_for(
    folder, packed, tmp_path
):
    root = packed.root
    opened = open_dataset(packed.datasets["digits"], tmp_path / "cache", root)
    opened.photos[1].file.write_bytes(b"RIFF")

    materials = ReadableMaterials(packed, tmp_path / "cache")

    assert materials.broken("digits") == ("1_ann_0.wav",)
    assert len(materials.crops("digits", SPEC, lambda *_: None)) == 2
