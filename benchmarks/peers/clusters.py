"""Plain Ray Serve and Headwater as contenders of the comparison. Pure."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks import payloads
from benchmarks.clusters import HTTP_PORT, Mode
from benchmarks.contenders import Contender, Subject, Work, headwater
from benchmarks.facts import HttpTarget, PlainArgs, SubjectFact

DOORS: Mapping[str, Mode] = {"ray-default": "default", "ray-haproxy": "haproxy"}
_LIMITS = {"tuned": "@serve.batch(16, 5 ms)", "defaults": "@serve.batch defaults"}


def plain_ray(work: Work, name: str, workers: int) -> Contender:
    """Both deployments of plain Ray Serve behind one front door; one is idle at a time."""
    config = {
        "proxy_location": "EveryNode",
        "http_options": {"host": "127.0.0.1", "port": HTTP_PORT},
        "logging_config": {"enable_access_log": False},
        "applications": [_application(work, limits, workers) for limits in _LIMITS],
    }
    subjects = tuple(_subject(work, name, limits) for limits in _LIMITS)
    return Contender(name, DOORS[name], config, subjects)


def ours(work: Work, config: Mapping[str, Any], workers: int) -> Contender:
    """Headwater as its Serve file has it, but with a replica for each worker."""
    sized = copy.deepcopy(dict(config))
    for deployment in sized["applications"][0]["deployments"]:
        deployment["num_replicas"] = workers
    contender = headwater(work, sized)
    subjects = (one for one in contender.subjects if one.fact.group == "model")
    return replace(contender, subjects=tuple(subjects))


def _application(work: Work, limits: str, workers: int) -> dict[str, object]:
    args = PlainArgs(
        models=(work.bare_model(),),
        threads=1,
        replicas=workers,
        tuned=limits == "tuned",
    )
    return {
        "name": f"plain-{limits}",
        "route_prefix": f"/{limits}",
        "import_path": "benchmarks.plain:build",
        "args": args.model_dump(mode="json"),
    }


def _subject(work: Work, name: str, limits: str) -> Subject:
    door = "HAProxy" if DOORS[name] == "haproxy" else "default"
    payload = payloads.raw(work.tensor().tobytes())
    fact = SubjectFact(
        id=f"{name}-{limits}",
        title=f"plain Ray Serve, {door} mode, {_LIMITS[limits]}",
        group="model",
        role="plain",
        request_bytes=len(payload.body),
    )
    url = f"http://127.0.0.1:{HTTP_PORT}/{limits}"
    target = HttpTarget(url=url, headers=payload.headers)
    return Subject(fact, target, payload.body, _class_of)


def _class_of(content: bytes, _: Mapping[str, str]) -> int:
    return payloads.class_of_logits(content)
