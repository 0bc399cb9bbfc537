"""The composition root: the only place that binds deployments.

`serve deploy serve_config.yaml` imports `build_app` and hands it the file's `args`.
"""

import logging
from dataclasses import replace

from pydantic import Field
from ray import serve
from ray.serve import Application

from configs.autoscaling import ScalingSpec
from configs.catalogue import load_catalogue, packaged_catalogue
from configs.environment import load_environment
from configs.model import Id
from configs.pipeline import Layout
from configs.pool import PoolSpec
from configs.replica import ReplicaSpec
from configs.spec import Spec
from deployments.blueprint import Blueprint, draw
from deployments.budget import Budget
from deployments.layout import INGRESS
from deployments.pools import into_pools
from deployments.remote import NodeServer
from deployments.routing.router import PoolRouter
from models.errors import StoreUnwritable
from models.pins import pin
from models.store import Store
from serve_app.ingress import Ingress
from serve_app.limits import Limits
from serve_app.scaling.wiring import autoscaling_configs

log = logging.getLogger(__name__)

COMPUTES = ("model:", ":preprocess")

TOLD_EVERY_S = 0.5
"""How often the replicas of a pool tell what they hold."""


class AppArgs(Spec):
    """`args` of the application in `serve_config.yaml`."""

    pipelines: tuple[str, ...] | None = Field(
        None, description="Ids to serve; None: every pipeline of the catalogue."
    )
    models: tuple[str, ...] = Field(
        (), description="Models to serve by name beside the pipelines' members."
    )
    layout: Layout | None = Field(
        None, description="Replaces the layout of every pipeline."
    )
    pools: dict[Id, PoolSpec] = Field(
        {}, description="Deployments whose replicas host any of their models."
    )
    replica: ReplicaSpec = ReplicaSpec()
    autoscaling: ScalingSpec | None = Field(
        None, description="None: as many replicas as the Serve file says."
    )


def build_app(args: AppArgs) -> Application:
    """Bind the ingress and whatever the layout puts beside it.

    Raises:
        ConfigError: the catalogue or `args` must be mended.
        VariantNotFound: run `headwater models build` first.
    """
    environment = load_environment()
    store = Store(environment.store)
    catalogue = load_catalogue(environment.catalogue or packaged_catalogue())
    blueprint = draw(
        catalogue,
        store,
        args.pipelines,
        args.models,
        args.layout,
    )
    blueprint = into_pools(blueprint, catalogue, store, args.pools)
    _pin(store, blueprint)
    blueprint = replace(blueprint, replica=args.replica)
    plan = blueprint.plan
    scaled = autoscaling_configs(
        args.autoscaling, [INGRESS, *plan.deployments()], catalogue
    )
    beside = [
        _bind_node(blueprint, name, scaled.get(name)) for name in plan.deployments()
    ]
    ingress = serve.deployment(
        name=INGRESS,
        max_ongoing_requests=1024,
        autoscaling_config=scaled.get(INGRESS),
    )(serve.ingress()(Ingress))
    limits = Limits(
        environment.max_body_bytes,
        Budget(args.replica.max_inflight_bytes),
        args.replica.request_timeout_s,
    )
    return ingress.bind(blueprint, limits, beside)


def _pin(store: Store, blueprint: Blueprint) -> None:
    """Keep the files of the deployment from `headwater models gc`."""
    try:
        pin(store, blueprint.served_cards())
    except StoreUnwritable as error:  # who may only read it removes nothing either
        log.warning("files in use are not marked: %s", error)


def _bind_node(
    blueprint: Blueprint, name: str, scaling: dict[str, object] | None
) -> Application:
    nodes, is_pool = blueprint.plan.nodes(name), name in blueprint.pools
    computes = is_pool or any(part in node for node in nodes for part in COMPUTES)
    deployment = serve.deployment(
        name=name,
        max_ongoing_requests=1024,
        autoscaling_config=scaling,
        ray_actor_options={"num_cpus": 0.5 if computes else 0.1},
    )(NodeServer)
    if is_pool:
        deployment = deployment.options(request_router_config=_routed())
    return deployment.bind(blueprint, name)


def _routed() -> dict[str, object]:
    return {
        "request_router_class": f"{PoolRouter.__module__}.{PoolRouter.__name__}",
        "request_routing_stats_period_s": TOLD_EVERY_S,
    }
