"""What an operator asks: statistics, repository, settings, shared memory."""

from collections.abc import Awaitable, Callable
from typing import Any

from faces import (  # type: ignore[import-not-found]
    Face,
    pixels,
    refused,
    same,
)

NOT_FOUND = ("404", "NOT_FOUND")
INVALID = ("400", "INVALID_ARGUMENT")
NOT_OFFERED = ("501", "UNIMPLEMENTED")


async def told(face: Face, model: str) -> Any:
    """The statistics of the one version of a model that is served."""
    answer = await face.document("get_inference_statistics", model)
    (one,) = answer["model_stats"]
    return one


async def statistics(face: Face) -> None:
    """They grow by what is asked: a request, its rows, and a run at most."""
    (tensor,) = await face.tensors(face.target.model, "inputs")
    await face.infer([face.input(tensor, pixels(tensor, 1))])
    before = await told(face, face.target.model)
    await face.infer([face.input(tensor, pixels(tensor, 2))])
    after = await told(face, face.target.model)

    same(face.target.model, after["name"])
    counted = [
        int(one["inference_stats"]["success"]["count"]) for one in (before, after)
    ]
    same(True, counted[0] < counted[1])
    rows = [int(one["inference_count"]) for one in (before, after)]
    same(True, rows[0] + 2 <= rows[1])
    runs = int(after["execution_count"])
    same(True, 1 <= runs <= rows[1])
    same(runs, sum(int(b["compute_infer"]["count"]) for b in after["batch_stats"]))
    same(True, int(after["last_inference"]) > 0)


async def statistics_of_all(face: Face) -> None:
    answer = await face.document("get_inference_statistics")
    names = {one["name"] for one in answer["model_stats"]}
    same(True, {face.target.model, face.target.pipeline} <= names)
    await refused(
        face.call("get_inference_statistics", "nope"),
        NOT_FOUND,
        "Request for unknown model: 'nope' is not found",
    )


async def settings(face: Face) -> None:
    """Trace settings stay as they are; log settings are told."""
    trace = await face.document("get_trace_settings")
    level = trace["trace_level"] if face.over_http else trace["settings"]["trace_level"]
    same(["OFF"], level if face.over_http else level["value"])
    await refused(
        face.call("update_trace_settings", settings={"trace_level": ["TIMESTAMPS"]}),
        NOT_OFFERED,
        "not offered",
    )
    log = await face.document("get_log_settings")
    same(True, "log_error" in (log if face.over_http else log["settings"]))
    await refused(
        face.call("update_log_settings", settings={"log_file": "x"}),
        NOT_OFFERED,
        "not offered",
    )


async def shared_memory(face: Face) -> None:
    for kind in ("system", "cuda"):
        status = await face.document(f"get_{kind}_shared_memory_status")
        same([], status if face.over_http else list(status.get("regions", {})))
        await refused(
            face.call(f"unregister_{kind}_shared_memory"), NOT_OFFERED, "not offered"
        )


async def index(face: Face) -> dict[str, str]:
    """State by name."""
    answer = await face.document("get_model_repository_index")
    models = answer if face.over_http else answer["models"]
    return {one["name"]: one["state"] for one in models}


async def repository_index(face: Face) -> None:
    same("READY", (await index(face))[face.target.model])


async def unload_and_load(face: Face) -> None:
    """What was unloaded is not found until it is loaded again."""
    model = face.target.model
    (tensor,) = await face.tensors(model, "inputs")
    one = face.input(tensor, pixels(tensor, 1))

    await face.call("unload_model", model)
    same("UNAVAILABLE", (await index(face))[model])
    await refused(
        face.infer([one]),
        NOT_FOUND,
        f"Request for unknown model: '{model}' has no available versions",
    )

    await face.call("load_model", model)
    same("READY", (await index(face))[model])
    await face.infer([one])


async def refuse_loads(face: Face) -> None:
    await refused(
        face.call("load_model", "nope"),
        NOT_FOUND,
        "failed to load 'nope', failed to poll from model repository",
    )
    await refused(
        face.call("load_model", face.target.model, config='{"max_batch_size": "8"}'),
        INVALID,
        "max_batch_size",
    )


Check = Callable[[Face], Awaitable[None]]

WITHOUT_CHANGE: list[Check] = [
    *(statistics, statistics_of_all, settings, shared_memory, repository_index)
]
"""Asked of every server."""

OPERATED: list[Check] = [unload_and_load, refuse_loads]
"""Asked where the model may be unloaded."""
