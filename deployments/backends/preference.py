"""Which runtime opens a variant here: what its form needs, its Spec says, its card prefers.

Pure but for one look at what is installed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Literal

from models import machine
from models.card import Card
from models.errors import NotServable

Device = Literal["cpu", "cuda"]
Wanted = Literal["auto", "onnx", "openvino"]

ONNX, CUDA, OPENVINO = "onnxruntime", "onnxruntime-cuda", "openvino"

OF_FORM: Mapping[str, str] = {
    "onnx": ONNX,
    "litert": "litert",
    "torch": "torch",
    "engine": "tensorrt",
}
"""The runtime of every form of `models.choice.SERVABLE`."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a variant is to run, and on what, if somebody has said.

    `device`: where ONNX runs unless OpenVINO runs it. `slots`: how many threads run it at
    once. `wanted`: the Spec's `backend`.
    """

    device: Device = "cpu"
    slots: int = 1
    wanted: Wanted = "auto"


@dataclass(frozen=True, slots=True)
class Here:
    """What counts of this machine: its kind, and whether OpenVINO is installed."""

    kind: str
    has_openvino: bool


@dataclass(frozen=True, slots=True)
class Pick:
    """A runtime; `note` tells why it is not the one that the card prefers, or nothing."""

    runtime: str
    note: str = ""


def pick(card: Card, site: Site, here: Here) -> Pick:
    """The runtime for a variant.

    Raises:
        NotServable: nothing here opens its form.
    """
    native = OF_FORM.get(card.form)
    if native is None:
        raise NotServable(card.model, card.variant, card.form)
    if native != ONNX:
        return Pick(native)
    if site.wanted == "openvino":
        return Pick(OPENVINO)
    if site.device == "cuda":
        return Pick(CUDA)
    if site.wanted == "onnx" or card.prefers is None:
        return Pick(ONNX)
    return _preferred(card, here)


@cache
def find_here() -> Here:
    """This machine, as `pick` wants it; looked at once."""
    kind = machine.kind(machine.describe())
    return Here(kind, find_spec("openvino") is not None)


def run_s(card: Card, runtime: str) -> Mapping[int, float]:
    """Seconds of a run by rows on one thread, as the card has them for a runtime."""
    measured = {f.batch_size: f.p50_ms / 1e3 for f in card.latency if f.threads == 1}
    if runtime == OPENVINO and card.prefers is not None:
        measured |= {fact.batch_size: fact.ms / 1e3 for fact in card.prefers.times}
    return measured


def prior_s(card: Card, runtime: str) -> Mapping[int, float]:
    """What `run_s` has to be believed before the first run.

    Nothing for CUDA: a card's times are of a CPU, so a replica times its own runs.
    """
    return {} if runtime == CUDA else run_s(card, runtime)


def _preferred(card: Card, here: Here) -> Pick:
    prefers = card.prefers
    if prefers is None:
        return Pick(ONNX)
    if not here.has_openvino:
        told = "prefers OpenVINO: pip install headwater[openvino]"
        return Pick(ONNX, f"{card.model} {card.variant} {told}")
    if machine.kind(prefers.machine) != here.kind:
        told = "prefers OpenVINO on another kind of machine: `headwater models prefer`"
        return Pick(ONNX, f"{card.model} {card.variant} {told}")
    return Pick(OPENVINO)
