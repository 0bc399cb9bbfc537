"""The deployment behind both ports: HTTP and gRPC over one `Service`."""

from collections.abc import Sequence

from starlette.types import ASGIApp

from deployments.autoscaling.live.meter import Meter
from deployments.blueprint import Blueprint
from deployments.control import ModelStatistics
from deployments.fleet import RayFleet
from deployments.layout import INGRESS
from deployments.remote import Stationed, answers, open_board, open_station
from deployments.repository.repository import Repository
from deployments.statistics import merge
from serve_app.http import build_http
from serve_app.limits import Limits
from serve_app.offers import Front
from serve_app.oip.grpc import GrpcFront


class Ingress(GrpcFront, Stationed):
    """Answers on every ingress replica; hosts the nodes that the layout leaves to it."""

    def __init__(
        self, blueprint: Blueprint, limits: Limits, beside: Sequence[object]
    ) -> None:
        """Load the local nodes.

        Args:
            blueprint: what to serve.
            limits: what the gate lets in.
            beside: the other deployments; held so that Ray deploys them.
        """
        self._meter = Meter()
        self._station = open_station(blueprint, INGRESS, self._meter)
        self._front = Front(blueprint, self._station, self._meter, answers)
        self._station.begin(self._front.follow)
        self._station.watch()
        self._beside = beside
        repository = Repository(blueprint, open_board(blueprint), RayFleet())
        super().__init__(self._front.served, limits, repository)
        self._meter.loaded()

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Ray Serve asks for the HTTP side once the replica is built."""
        return build_http(self.service, self.limits, self.control)

    async def tell_statistics(self) -> tuple[ModelStatistics, ...]:
        """Of the models hosted here and of the pipelines asked here."""
        return merge([self._station.statistics(), self._front.ledger.statistics()])
