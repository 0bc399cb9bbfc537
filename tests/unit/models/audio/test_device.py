import json

import numpy as np

from configs.audio import AudioSpec
from models.audio import device
from models.audio.front_end import log_mel
from models.audio.tables import tables

SPEC = AudioSpec(
    rate_hz=8000, samples=800, frame_samples=128, hop_samples=80, bands=16, high_hz=3800
)


def test_folder_of_a_device_holds_all_that_it_needs(tmp_path):
    device.write(tmp_path, SPEC, seed=5)

    told = json.loads((tmp_path / "front_end.json").read_text())
    with np.load(tmp_path / "front_end.npz") as golden:
        heard, seen = golden["pcm"], golden["picture"]
    assert AudioSpec.model_validate(told["front_end"]) == SPEC
    assert tuple(told["tables"]["window"]) == tables(SPEC).window
    assert (log_mel(heard, SPEC)[..., 0] == seen).all()
    assert (
        "#define FRONT_END_BANDS 16u" in (tmp_path / "front_end_tables.h").read_text()
    )
    assert {file.name for file in tmp_path.iterdir()} >= {"front_end.c", "front_end.h"}


def test_same_front_end_gives_the_same_bytes(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        device.write(folder, SPEC, seed=5)

    one, two = ({f.name: f.read_bytes() for f in sorted(d.iterdir())} for d in folders)

    assert one == two


def test_golden_recordings_are_silent_loud_clipped_and_quiet():
    silent, full, clipped, quiet = device.drawn(SPEC, seed=0)

    assert not silent.any()
    assert set(np.abs(full.astype(int)).tolist()) == {32_767, 32_768}
    assert (np.abs(clipped.astype(int)) >= 32_767).mean() > 0.05
    assert 250 < np.abs(quiet).max() <= 300
