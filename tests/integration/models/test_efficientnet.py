"""The real lite0: from its published weights to INT8, with torch and ONNX Runtime."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet

from configs.catalogue import load_catalogue, packaged_catalogue
from models.build import build
from models.card import Card
from models.convert import to_onnx
from models.errors import BuildFailed
from models.imaging import normalise
from models.progress import silent
from models.runtime import Runner
from models.sources import fetch
from models.store import Store
from models.workshop import Workshop

NAME, DATASET = "efficientnet-lite0", "foolbox-imagenet"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A workshop in which lite0 is built, once for all tests of this file."""
    home = tmp_path_factory.mktemp("home")
    catalogue = load_catalogue(packaged_catalogue())
    made = Workshop(catalogue, Store(home / "store"), home / "cache")
    assert [one.fresh for one in build(made, [NAME])] == [True, True]
    return made


@pytest.fixture(scope="module")
def photos(workshop: Workshop) -> np.ndarray:
    image = workshop.require(NAME).image
    assert image is not None
    return normalise(workshop.materials.crops(DATASET, image, silent), image)


def card(workshop: Workshop, variant: str) -> Card:
    return workshop.store.card(NAME, 1, variant)


def runner(workshop: Workshop, variant: str) -> Runner:
    return Runner(workshop.store.file(card(workshop, variant).model_file))


def test_fp32_answers_as_the_published_network_does(workshop, photos):
    weights = fetch(workshop.require(NAME).weights, workshop.cache)
    published = EfficientNet.from_name(NAME)
    published.load_state_dict(torch.load(weights, weights_only=True))

    with torch.no_grad():
        wanted = published.eval()(torch.from_numpy(photos)).numpy()

    found = runner(workshop, "fp32-onnx").logits(photos)
    assert np.abs(found - wanted).max() < 1e-3


def test_most_photos_get_their_label(workshop):
    for variant in ("fp32-onnx", "int8-onnx"):
        (fact,) = card(workshop, variant).quality
        assert fact.top1.value >= 0.85, variant


def test_int8_answers_nearly_as_fp32_does(workshop, photos):
    wanted = runner(workshop, "fp32-onnx").logits(photos)

    apart = runner(workshop, "int8-onnx").logits(photos) - wanted

    signal_to_noise_db = 10 * np.log10((wanted**2).sum() / (apart**2).sum())
    assert signal_to_noise_db > 17, (
        "19 with 7-bit weights, 23 with 8 on the same photos"
    )


def test_int8_is_a_third_of_the_size(workshop):
    small, large = card(workshop, "int8-onnx"), card(workshop, "fp32-onnx")

    assert small.model_file.size_bytes < large.model_file.size_bytes / 3


@pytest.mark.parametrize("variant", ["fp32-onnx", "int8-onnx"])
@pytest.mark.parametrize("batch", [1, 3, 20])
def test_answer_does_not_depend_on_the_neighbours(workshop, photos, variant, batch):
    alone = runner(workshop, variant).logits(photos[:1])

    together = runner(workshop, variant).logits(photos[:batch])

    assert together.shape == (batch, 1000)
    assert together[0] == pytest.approx(alone[0], abs=1e-4)


def test_second_build_is_done_at_once_and_without_torch(workshop):
    home = workshop.store.root.parent
    asked = (
        "import sys\n"
        "from pathlib import Path\n"
        "from configs.catalogue import load_catalogue, packaged_catalogue\n"
        "from models.build import build\n"
        "from models.store import Store\n"
        "from models.workshop import Workshop\n"
        f"home = Path({str(home)!r})\n"
        "made = Workshop(load_catalogue(packaged_catalogue()),\n"
        "                Store(home / 'store'), home / 'cache')\n"
        f"print([one.fresh for one in build(made, [{NAME!r}])])\n"
        "print({'torch', 'onnx'} & set(sys.modules))\n"
    )

    told = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )

    assert told.stdout.splitlines() == ["[False, False]", "set()"]


def test_weights_of_another_network_are_refused(workshop, tmp_path):
    other = tmp_path / "other.pth"
    torch.save({"layer.weight": torch.zeros(1)}, other)

    with pytest.raises(BuildFailed, match=f"{NAME}: export failed"):
        to_onnx(workshop.require(NAME), other, tmp_path / "x.onnx")


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.trace,)


def test_weights_that_hold_code_are_refused_and_not_run(workshop, tmp_path):
    trapped, trace = tmp_path / "trapped.pth", tmp_path / "trace"
    torch.save({"layer.weight": Trap(trace)}, trapped)

    with pytest.raises(BuildFailed, match="export failed"):
        to_onnx(workshop.require(NAME), trapped, tmp_path / "x.onnx")

    assert not trace.exists()
