"""The shadows of a pipeline from its Spec and what was drawn for it."""

from collections.abc import Iterator
from functools import partial

from configs.model import ModelSpec
from deployments.backends.opening import open_backend
from deployments.blueprint import Blueprint
from deployments.photos import crop_name
from deployments.shadow.node import Shadow, Shadowing, Shown
from deployments.shadow.runner import Runner
from models.store import Store


def open_shadows(blueprint: Blueprint, pipeline: str, shown: Shown) -> Iterator[Shadow]:
    """Those of a pipeline, if it has any; none of them is loaded yet."""
    spec, store = blueprint.pipelines[pipeline].shadow, Store(blueprint.store)
    if spec is None:
        return
    for said, one in zip(spec.members, blueprint.shadows[pipeline], strict=True):
        open_ = partial(open_backend, one.card, store)
        runner = Runner(open_, one.spec.outputs[0].name, one.spec.image)
        limits = spec.fraction, spec.max_waiting_rows, spec.window_rows
        shadowing = Shadowing(pipeline, said.name, *limits)
        yield Shadow(shadowing, runner, feed_of(one.spec), shown)


def feed_of(spec: ModelSpec) -> dict[str, str]:
    """A model's inputs → the names that preprocessing gives."""
    if spec.image is not None:
        return {spec.inputs[0].name: crop_name(spec.image)}
    return {tensor.name: tensor.name for tensor in spec.inputs}
