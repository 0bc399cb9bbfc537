"""Who is measured and what is sent to them; pure but for reading the store."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks import payloads
from benchmarks.clusters import GRPC_PORT, HTTP_PORT, Mode
from benchmarks.facts import (
    BareModel,
    GrpcTarget,
    HttpTarget,
    PlainArgs,
    SubjectFact,
    Target,
)
from benchmarks.payloads import Payload
from configs.model import ImageSpec
from deployments.blueprint import Blueprint
from deployments.layout import INGRESS
from models.imaging import Pixels
from models.store import Store
from serve_app.oip import inference_pb2

ClassOf = Callable[[bytes, Mapping[str, str]], int]

_HTTP = f"http://127.0.0.1:{HTTP_PORT}"
_GRPC = f"127.0.0.1:{GRPC_PORT}"
INFER = "/inference.GRPCInferenceService/ModelInfer"


@dataclass(frozen=True, slots=True)
class Shape:
    """How many replicas serve, and on how many threads each runs models."""

    replicas: int
    threads: int

    @property
    def slots(self) -> int:
        """Threads in all that run models."""
        return self.replicas * self.threads


@dataclass(frozen=True, slots=True)
class Subject:
    """One request to one contender, and how its answer is read."""

    fact: SubjectFact
    target: Target
    body: bytes
    class_of: ClassOf


@dataclass(frozen=True, slots=True)
class Contender:
    """One cluster: its environment, what is deployed there, what is asked of it."""

    name: str
    mode: Mode
    config: Mapping[str, Any]
    subjects: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """The model, the pipeline and the photo that every contender gets."""

    blueprint: Blueprint
    model: str
    pipeline: str
    photo: bytes = field(repr=False)

    @property
    def image(self) -> ImageSpec:
        """How the photo becomes the model's input.

        Raises:
            ValueError: the model takes no photos.
        """
        image = self.blueprint.models[self.model].image
        if image is None:
            raise ValueError(f"{self.model}: only image models are measured")
        return image

    def bare_model(self) -> BareModel:
        """The model alone."""
        return BareModel(file=_file(self.blueprint, self.model))

    def bare_members(self) -> tuple[BareModel, ...]:
        """The pipeline's members with their weights."""
        spec = self.blueprint.pipelines[self.pipeline]
        return tuple(
            BareModel(
                file=_file(self.blueprint, member.model),
                weight=weight,
                image=self.blueprint.models[member.model].image,
            )
            for member, weight in zip(
                spec.ensemble.members,
                self.blueprint.terms[spec.id].weights,
                strict=True,
            )
        )

    def tensor(self) -> payloads.Floats:
        """The model's input, made of the photo."""
        return payloads.model_input(self.photo, self.image)

    def crop(self) -> Pixels:
        """The photo as pixels, before they are normalised."""
        return payloads.model_crop(self.photo, self.image)


def gathered(shape: Shape) -> Shape:
    """The same threads in one replica, as a plain deployment has it."""
    return Shape(1, shape.slots)


def shape_of(config: Mapping[str, Any]) -> Shape:
    """The shape of the ingress in a Serve config; Ray's defaults where it is silent."""
    for application in config["applications"]:
        for deployment in application.get("deployments", ()):
            if deployment["name"] == INGRESS:
                options = deployment.get("ray_actor_options", {})
                cpus = int(options.get("num_cpus", 1))
                return Shape(deployment.get("num_replicas", 1), max(1, cpus))
    return Shape(1, 1)


def headwater(work: Work, config: Mapping[str, Any]) -> Contender:
    """Headwater as `serve_config.yaml` deploys it, on the benchmark's ports."""
    moved = copy.deepcopy(dict(config))
    moved["http_options"] |= {"host": "127.0.0.1", "port": HTTP_PORT}
    moved["grpc_options"] |= {"port": GRPC_PORT}
    subjects = (*_model_subjects(work), *_pipeline_subjects(work))
    return Contender("headwater", "haproxy", moved, subjects)


def plain(work: Work, name: str, shape: Shape, mode: Mode) -> Contender:
    """A plain Ray Serve deployment of the model, and one of the whole pipeline."""
    config = {
        "proxy_location": "EveryNode",
        "http_options": {"host": "127.0.0.1", "port": HTTP_PORT},
        "logging_config": {"enable_access_log": False},
        "applications": [
            _plain_application("model", (work.bare_model(),), shape, work.image),
            _plain_application("pipeline", work.bare_members(), shape),
        ],
    }
    door = "HAProxy" if mode == "haproxy" else "default"
    title = f"plain Ray Serve, {door} mode, {shape.replicas} x {shape.threads} threads"
    floats, crop = (payloads.raw(t.tobytes()) for t in (work.tensor(), work.crop()))
    subjects = (
        _http(
            _fact(f"{name}-model", title, "model", "plain"),
            "/model",
            floats,
            lambda content, _: payloads.class_of_logits(content),
        ),
        _http(
            _fact(f"{name}-model-uint8", f"{title}, UINT8", "model", "plain"),
            "/model",
            crop,
            lambda content, _: payloads.class_of_logits(content),
        ),
        _http(
            _fact(f"{name}-pipeline", title, "pipeline", "plain"),
            "/pipeline",
            payloads.raw(work.photo),
            lambda content, _: payloads.class_of_plain(content),
        ),
    )
    return Contender(name, mode, config, subjects)


def _model_subjects(work: Work) -> tuple[Subject, ...]:
    name = work.blueprint.cards[work.model].inputs[0].name
    message = grpc_message(work.model, name, work.tensor())
    fact = _fact("headwater-model-grpc", "Headwater, gRPC raw tensor", "model")
    return (
        _http(
            _fact("headwater-model-http", "Headwater, HTTP binary tensor", "model"),
            f"/v2/models/{work.model}/infer",
            payloads.oip_floats(name, work.tensor()),
            payloads.class_of_oip_binary,
        ),
        _http(
            _fact("headwater-model-uint8", "Headwater, HTTP UINT8 tensor", "model"),
            f"/v2/models/{work.model}/infer",
            payloads.oip_pixels(name, work.crop()),
            payloads.class_of_oip_binary,
        ),
        Subject(
            fact.model_copy(update={"request_bytes": len(message)}),
            GrpcTarget(address=_GRPC, method=INFER),
            message,
            class_of_grpc,
        ),
    )


def _pipeline_subjects(work: Work) -> tuple[Subject, ...]:
    name = work.blueprint.pipelines[work.pipeline].inputs[0].name
    return (
        _http(
            _fact("headwater-pipeline-http", "Headwater, photo route", "pipeline"),
            f"/v1/pipelines/{work.pipeline}",
            payloads.raw(work.photo),
            lambda content, _: payloads.class_of_labels(content),
        ),
        _http(
            _fact("headwater-pipeline-oip", "Headwater, OIP BYTES tensor", "pipeline"),
            f"/v2/models/{work.pipeline}/infer",
            payloads.oip_photo(name, work.photo),
            lambda content, _: payloads.class_of_oip_json(content),
        ),
    )


def _fact(subject: str, title: str, group: str, role: str = "headwater") -> SubjectFact:
    return SubjectFact.model_validate(
        {"id": subject, "title": title, "group": group, "role": role}
    )


def _http(fact: SubjectFact, path: str, payload: Payload, class_of: ClassOf) -> Subject:
    sized = fact.model_copy(update={"request_bytes": len(payload.body)})
    target = HttpTarget(url=_HTTP + path, headers=payload.headers)
    return Subject(sized, target, payload.body, class_of)


def grpc_message(model: str, name: str, tensor: payloads.Floats) -> bytes:
    """A request of the Open Inference Protocol with one raw FP32 tensor."""
    message = inference_pb2.ModelInferRequest(model_name=model)
    message.inputs.add(name=name, datatype="FP32", shape=tensor.shape)
    message.raw_input_contents.append(tensor.tobytes())
    return bytes(message.SerializeToString())


def class_of_grpc(content: bytes, _: Mapping[str, str]) -> int:
    """The most probable class of an answer with one raw FP32 output."""
    message = inference_pb2.ModelInferResponse.FromString(content)
    return payloads.class_of_logits(message.raw_output_contents[0])


def _plain_application(
    name: str,
    models: tuple[BareModel, ...],
    shape: Shape,
    pixels: ImageSpec | None = None,
) -> dict[str, object]:
    args = PlainArgs(
        models=models,
        threads=shape.threads,
        replicas=shape.replicas,
        pixels=pixels,
    )
    return {
        "name": f"plain-{name}",
        "route_prefix": f"/{name}",
        "import_path": "benchmarks.plain:build",
        "args": args.model_dump(mode="json"),
    }


def _file(blueprint: Blueprint, model: str) -> Any:
    return Store(blueprint.store).file(blueprint.cards[model].model_file)
