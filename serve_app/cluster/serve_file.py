"""Reading a Serve file before it is deployed.

Ray ignores keys that it does not know, at every level; here they are errors.
"""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from configs.errors import ConfigError
from configs.spec import read_mapping

OIP_SERVICE = "add_GRPCInferenceServiceServicer_to_server"
DOORS = ("http_options", "grpc_options")
OUR_APP = "serve_app.app:build_app"
OUR_POLICY = "serve_app.scaling.policy:HeadwaterPolicy"
UNSHOWN = ("ssl_keyfile_password",)


@dataclass(frozen=True, slots=True)
class ServeFile:
    """What the commands need to know of a Serve file.

    `grpc_port` None: no gRPC. `serves_oip`: its gRPC door speaks the Open Inference
    Protocol. `fixed`: what a running Serve cannot change, see `fixed_options`.
    """

    path: Path
    applications: tuple[str, ...]
    http_port: int
    grpc_port: int | None
    serves_oip: bool = False
    http_host: str = "127.0.0.1"
    fixed: Mapping[str, object] = field(default_factory=dict)


def read_serve_file(path: Path) -> ServeFile:
    """Read and check a Serve file.

    Raises:
        ConfigError: naming the file and the key that must be mended.
    """
    # Ray takes a second to import; whoever only wants `--help` does not wait for it.
    from ray.serve.schema import ServeDeploySchema

    content = read_mapping(path)
    for key in unknown_keys(content, ServeDeploySchema):
        raise ConfigError(path, key, "Ray Serve knows no such key and would ignore it")
    for key, reason in scaling_faults(content):
        raise ConfigError(path, key, reason)
    try:
        schema = ServeDeploySchema.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(path, key, first["msg"]) from error
    except (ValueError, ImportError) as error:
        raise ConfigError(path, "", str(error)) from error
    services = schema.grpc_options.grpc_servicer_functions
    return ServeFile(
        path=path.resolve(),
        applications=tuple(one.name for one in schema.applications),
        http_port=schema.http_options.port,
        grpc_port=schema.grpc_options.port if services else None,
        http_host=schema.http_options.host or "",
        serves_oip=any(service.endswith(OIP_SERVICE) for service in services),
        fixed=fixed_options(
            schema.model_dump(mode="json", include={*DOORS, "proxy_location"})
        ),
    )


def fixed_options(content: Mapping[str, Any]) -> dict[str, object]:
    """What a running Serve cannot change, by dotted key.

    Args:
        content: a Serve file with its defaults, or what Serve says of itself.
    """
    found: dict[str, object] = {
        f"{group}.{key}": value
        for group in DOORS
        for key, value in (content.get(group) or {}).items()
        if key not in UNSHOWN
    }
    if content.get("proxy_location") is not None:
        found["proxy_location"] = content["proxy_location"]
    return found


def unknown_keys(content: Any, model: type[BaseModel]) -> Iterator[str]:
    """Dotted keys of `content` that `model` would drop."""
    if not isinstance(content, dict):
        return
    fields = model.model_fields
    for key, value in content.items():
        if key not in fields:
            yield str(key)
            continue
        for inner in _models(fields[key].annotation):
            yield from (f"{key}{place}" for place in _inner(value, inner))


def scaling_faults(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys that leave autoscaling half said, and what is wrong with each."""
    applications = content.get("applications")
    for at, one in enumerate(applications if isinstance(applications, list) else []):
        if isinstance(one, dict) and one.get("import_path") == OUR_APP:
            for key, reason in _faults_of(one):
                yield f"applications.{at}.{key}", reason


def _faults_of(application: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    args, listed = application.get("args"), application.get("deployments")
    scaled = isinstance(args, dict) and args.get("autoscaling") is not None
    policy = application.get("autoscaling_policy")
    if scaled and policy is None:
        yield "autoscaling_policy", f"autoscaling needs policy_function: {OUR_POLICY}"
    if policy is not None and not scaled:
        yield "args.autoscaling", "is missing, so autoscaling_policy has nothing to do"
    for at, one in enumerate(listed if isinstance(listed, list) else []):
        for key in ("num_replicas", "autoscaling_config"):
            if scaled and isinstance(one, dict) and key in one:
                yield f"deployments.{at}.{key}", "is what args.autoscaling decides"


def _inner(value: Any, model: type[BaseModel]) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from (f".{index}.{key}" for key in unknown_keys(item, model))
    else:
        yield from (f".{key}" for key in unknown_keys(value, model))


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The one model an annotation may hold, through unions and lists."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType, list):
        found = [one for inner in get_args(annotation) for one in _models(inner)]
        return found[:1]
    return []
