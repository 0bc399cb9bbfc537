"""A torch program converted for devices, each form by its tool in an environment of its own."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from configs.device import DeviceForm, DeviceSpec
from edge.importing import phones
from edge.importing.inspector import ask
from edge.importing.program_classes import Program, Tried, Try
from edge.importing.refusals import Refused
from edge.importing.workplace import Order, Workplace, hold, only
from models.errors import ToolFailed
from models.litert import toolings

CONVERTING = "models.litert.workers.converting"
ONE_INPUT = (
    "only programs of one float32 input [1, …] and one such answer are converted"
)


def program_converter(place: Workplace) -> Try:
    """What tries LiteRT, ExecuTorch and Core ML with the tools of `place`."""

    def tries(
        program: Program, devices: Mapping[str, DeviceSpec], scratch: Path
    ) -> list[Tried]:
        wanted = {form for device in devices.values() for form in device.forms}
        order = Order(place, program, devices, scratch)
        return list(_tried(order, sorted(wanted & {"litert", *phones.phones()})))

    return tries


def _tried(order: Order, wanted: list[DeviceForm]) -> Iterator[Tried]:
    known = phones.phones()
    for form in wanted:
        try:
            _check(order.program)
            if form in known:
                yield phones.tried(known[form], order)
            else:
                yield _litert(order)
        except Refused as refused:
            yield Tried(form, reason=refused.detail)
        except ToolFailed as failed:
            yield Tried(form, reason=str(failed))


def _check(program: Program) -> None:
    ends = [*program.facts["inputs"], *program.facts["outputs"]]
    plain = all(one["datatype"] == "float32" for one in ends)
    if len(ends) != 2 or not plain or ends[0]["shape"][:1] != [1]:
        raise Refused("unknown_type", ONE_INPUT)


def _litert(order: Order) -> Tried:
    """A float .tflite, looked into like any other."""
    target, golden = order.scratch / "model.tflite", order.scratch / "tflite.npz"
    said = {"program": str(order.program.file), "target": str(target)}
    order.place.call(toolings.converter(), CONVERTING, {**said, "channels_last": False})
    takers = order.takers("litert")
    facts = ask(target, takers, golden)
    hold("float32", only(order.program.golden, "output"), only(golden, "output"))
    verdicts = {name: facts["classes"][name.replace("-", "_")] for name in takers}
    return Tried("litert", verdicts, target.stat().st_size)
