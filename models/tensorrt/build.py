"""ONNX → a serialised engine. Standard library and the facade; see `models.tensorrt.api`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from models.progress import Progress
from models.tensorrt.api import Api
from models.tensorrt.options import EngineOptions

SHOWN_ERRORS = 3
REFIT_NEEDS_GPU = "TensorRT-RTX builds with refit: true on a GPU only"

_REMEDIES = {
    "Non-zero zero point": (
        "TensorRT takes symmetric INT8 only; use style: tensorrt in quantize-static"
    ),
}
"""What to do about an error of the library, by a part of its words."""


class EngineRefused(Exception):
    """The library takes this ONNX or these options not; `stage` is where it said so."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(stage, reason)
        self.stage, self.reason = stage, reason

    def __str__(self) -> str:
        return f"{self.stage}: {self.reason}"


def build_engine(
    api: Api,
    onnx: Path,
    options: EngineOptions,
    timing: Path | None,
    progress: Progress,
) -> tuple[bytes, Mapping[str, Any]]:
    """The engine, and what is to be known of it.

    Args:
        api: the library.
        onnx: one file, weights inside.
        options: profiles and flags.
        timing: where the timings of tactics are kept between builds; TensorRT only.
        progress: told the phases of the build.

    Raises:
        EngineRefused: the ONNX cannot be parsed, or no engine can be made of it.
    """
    said: list[str] = []
    logger = api.logger(said)
    builder = api.module.Builder(logger)
    network = builder.create_network(0)
    parser = api.module.OnnxParser(network, logger)
    if not parser.parse_from_file(str(onnx)):
        raise EngineRefused("parsing", parser_errors(parser))
    config = builder.create_builder_config()
    if options.refit:
        config.set_flag(api.module.BuilderFlag.REFIT)
    profiles = _add_profiles(builder, config, network, options)
    cache = None if api.is_portable else _timing_cache(config, timing)
    monitor = _monitor(api, progress)  # held here: the library does not keep it
    config.progress_monitor = monitor
    serialised = builder.build_serialized_network(network, config)
    if serialised is None:
        needs = [REFIT_NEEDS_GPU] if options.refit and api.is_portable else []
        raise EngineRefused("building", _joined([*needs, *said]))
    if cache is not None and timing is not None:
        _keep(timing, bytes(cache.serialize()))
    return bytes(serialised), {"tensors": _tensors(network), "profiles": profiles}


def parser_errors(parser: Any) -> str:
    """What the parser says, the node and its operator first, and what to do about it."""
    errors = [parser.get_error(place) for place in range(parser.num_errors)]
    told = dict.fromkeys(_told(error) for error in errors)
    shown = list(told)[:SHOWN_ERRORS]
    more = [f"and {len(told) - len(shown)} more"] if len(told) > len(shown) else []
    remedies = [
        remedy for part, remedy in _REMEDIES.items() if any(part in one for one in told)
    ]
    return "; ".join([*remedies, *shown, *more]) or "the parser gave no reason"


def _told(error: Any) -> str:
    name, operator = error.node_name(), error.node_operator()
    place = f"{operator} {name}: " if name or operator else ""
    return f"{place}{error.desc().strip()}"


def _add_profiles(
    builder: Any, config: Any, network: Any, options: EngineOptions
) -> list[dict[str, int]]:
    """One profile a bucket, when the batch is dynamic; else none is needed."""
    inputs = [network.get_input(place) for place in range(network.num_inputs)]
    for one in inputs:
        if -1 in tuple(one.shape)[1:]:
            reason = f"input {one.name} {list(one.shape)} may vary in its batch only"
            raise EngineRefused("profiles", reason)
    dynamic = [one for one in inputs if tuple(one.shape)[:1] == (-1,)]
    if not dynamic:
        return []
    for bucket in options.buckets:
        profile = builder.create_optimization_profile()
        for one in dynamic:
            row = tuple(one.shape)[1:]
            sizes = ((size, *row) for size in (bucket.min, bucket.opt, bucket.max))
            profile.set_shape(one.name, *sizes)
        if config.add_optimization_profile(profile) < 0:
            raise EngineRefused("profiles", f"{bucket} is not a valid profile")
    return [dict(bucket) for bucket in options.as_json()["buckets"]]


def _timing_cache(config: Any, file: Path | None) -> Any:
    if file is None:
        return None
    cache = config.create_timing_cache(file.read_bytes() if file.is_file() else b"")
    # A cache of another GPU or version is refused here, and a build without is right.
    return cache if config.set_timing_cache(cache, ignore_mismatch=False) else None


def _keep(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_suffix(".part")
    scratch.write_bytes(content)
    scratch.replace(file)


def _monitor(api: Api, progress: Progress) -> Any:
    kind = api.module.IProgressMonitor

    class Monitor(kind):  # type: ignore[misc,valid-type] # of an untyped library
        def __init__(self) -> None:
            kind.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            if parent is None:  # the many phases inside would flicker
                self._steps[name] = steps

        def step_complete(self, name: str, step: int) -> bool:
            if total := self._steps.get(name):
                progress(f"engine: {name}", min(step + 1, total), total)
            return True

        def phase_finish(self, name: str) -> None:
            self._steps.pop(name, None)

    return Monitor()


def _tensors(network: Any) -> list[dict[str, Any]]:
    inputs = (network.get_input(i) for i in range(network.num_inputs))
    outputs = (network.get_output(i) for i in range(network.num_outputs))
    return [
        {
            "name": tensor.name,
            "role": role,
            "datatype": tensor.dtype.name,
            "shape": list(tensor.shape),
        }
        for role, tensors in (("input", inputs), ("output", outputs))
        for tensor in tensors
    ]


def _joined(lines: Iterable[str]) -> str:
    told = list(dict.fromkeys(lines))[:SHOWN_ERRORS]
    return "; ".join(told) or "the builder gave no reason"
