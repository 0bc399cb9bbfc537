"""Recordings and their pictures in the place of a model's float input."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from configs.audio import AudioSpec
from configs.model import BatchingSpec, ModelSpec
from deployments.contract import check
from deployments.contracts import edition_contract
from deployments.editions import Edition
from deployments.errors import InvalidInput
from deployments.messages import Request
from deployments.model import Model
from deployments.slots import Slots
from models.audio.front_end import log_mel
from models.imaging import normalise
from tests.fakes import DoublingBackend
from tests.fakes_litert import lite_card

AUDIO = AudioSpec(
    rate_hz=8000, samples=800, frame_samples=128, hop_samples=80, bands=16, high_hz=3800
)
SPEC = ModelSpec.model_validate(
    {
        "id": "digits",
        "title": "digits",
        "licence": "MIT",
        "architecture": "recipe",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 9, 16]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 9, 16]}],
        "audio": AUDIO.model_dump(),
        "variant": "student",
    }
)


@pytest.fixture
def heard():
    return np.random.default_rng(0).integers(-9000, 9000, (2, 800)).astype(np.int16)


async def test_recordings_pictures_and_floats_share_a_batch(heard):
    pictures = log_mel(heard, AUDIO)
    floats = normalise(pictures, AUDIO)
    backend = DoublingBackend()
    model = Model("m", backend, BatchingSpec(), Slots(1), SPEC.front_end)

    replies = await asyncio.gather(
        *(model.infer(Request("m", {"x": x})) for x in (heard, pictures, floats))
    )

    assert all(np.array_equal(one.outputs["y"], 2 * floats) for one in replies)
    await model.close()


def test_clients_may_send_recordings_or_pictures_instead_of_floats(heard):
    card = lite_card("student").model_copy(update={"inputs": SPEC.inputs})
    contract = edition_contract(Path("store"), Edition("digits", SPEC, card))
    pictures = log_mel(heard, AUDIO)

    for sent in (heard, pictures, normalise(pictures, AUDIO)):
        assert check(contract, Request("digits", {"x": sent})) == 2
    with pytest.raises(InvalidInput):
        check(contract, Request("digits", {"x": heard[:, :799]}))
