"""An application of one deployment that scales by the tokens it counts, not by its requests."""

from ray import serve
from starlette.requests import Request

from configs.autoscaling import AutoscalingSpec, CapacitySpec
from deployments.autoscaling.live.meter import Meter
from serve_app.scaling.terms import Terms
from serve_app.scaling.wiring import autoscaling_config

NAME = "talker"
SPEC = AutoscalingSpec(
    max_replicas=2,
    capacity=CapacitySpec(unit="tokens", requests_per_s=100, slots=64, learn=False),
)


class Talker:
    """Answers at once; a request says how many tokens it stands for."""

    def __init__(self) -> None:
        self._meter = Meter()
        self._meter.loaded()

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Ray Serve asks every second and tells the policy."""
        return self._meter.stats()

    async def __call__(self, request: Request) -> int:
        """Count the request and its tokens in and out."""
        tokens = int(request.query_params["tokens"])
        ticket = self._meter.arrive(NAME)
        self._meter.work.come(NAME, tokens)
        self._meter.work.done(NAME, tokens)
        self._meter.leave(NAME, ticket, answered=True)
        return tokens


app = serve.deployment(
    name=NAME,
    autoscaling_config=autoscaling_config(Terms(spec=SPEC)),
    ray_actor_options={"num_cpus": 0.1},
)(Talker).bind()
