"""The policy's figures as metrics of the controller, which Ray exports with its own.

Setting a gauge of Ray costs some 10 µs, so figures are shown every few seconds.
"""

from ray.util.metrics import Counter, Gauge

from serve_app.scaling.shell import Tick

EVERY_S = 5.0
BY_DEPLOYMENT = {
    "wanted_replicas": "Replicas that the policy wants.",
    "reactive_replicas": "Replicas that a reactive rule would hold.",
    "forecast_per_s": "Requests a second expected when a start would be ready.",
    "forecast_quantile_per_s": "The same, with the surety that costs ask for.",
    "replica_serves_per_s": "Requests a second that one replica is believed to serve.",
    "start_s": "Seconds that a start is believed to take.",
    "ongoing_requests": "Requests that run or wait, as the callers count them.",
    "oldest_request_s": "Age of the oldest of them.",
}


class Gauges:
    """Shows ticks; a `serve_app.scaling.shell.Shown`."""

    def __init__(self, application: str) -> None:
        self._application = application
        self._shown_s: float | None = None
        self._faults = self._refused = 0
        tags = ("application", "deployment")
        self._gauges = {
            name: Gauge(f"headwater_autoscaling_{name}", text, tag_keys=tags)
            for name, text in BY_DEPLOYMENT.items()
        }
        self._reason = Counter(
            "headwater_autoscaling_decision_s",
            "Seconds by the reason of what was decided.",
            tag_keys=(*tags, "reason", "acts"),
        )
        only = ("application",)
        self._tick_ms = Gauge(
            "headwater_autoscaling_tick_ms", "What a tick took.", tag_keys=only
        )
        self._failed = Counter(
            "headwater_autoscaling_errors",
            "Ticks that failed (deciding) and writes that the disk refused (keeping).",
            tag_keys=("application", "where"),
        )
        self._served: dict[str, float] = {}
        self._named = Counter(
            "headwater_autoscaling_served",
            "Requests by the pipeline or model that clients named.",
            tag_keys=("application", "name"),
        )

    def show(self, tick: Tick, now_s: float) -> None:
        """See `Shown.show`."""
        if self._shown_s is not None and 0 <= now_s - self._shown_s < EVERY_S:
            return
        self._shown_s = now_s
        mine = {"application": self._application}
        for name in tick.decisions:
            self._show_one(name, tick)
        self._tick_ms.set(1000 * tick.took_s, mine)
        for name, total in tick.served.items():
            more = total - self._served.get(name, 0.0)
            self._served[name] = total
            if more > 0:
                self._named.inc(more, mine | {"name": name})
        self._show_failures(tick, mine)

    def _show_failures(self, tick: Tick, mine: dict[str, str]) -> None:
        if tick.faults > self._faults:
            self._failed.inc(tick.faults - self._faults, mine | {"where": "deciding"})
        if tick.refused > self._refused:
            self._failed.inc(tick.refused - self._refused, mine | {"where": "keeping"})
        self._faults, self._refused = tick.faults, tick.refused

    def _show_one(self, name: str, tick: Tick) -> None:
        decision, totals = tick.decisions[name], tick.totals[name]
        tags = {"application": self._application, "deployment": name}
        figures = {
            "wanted_replicas": decision.replicas,
            "reactive_replicas": decision.reactive,
            "forecast_per_s": decision.point,
            "forecast_quantile_per_s": decision.quantile,
            "replica_serves_per_s": decision.per_replica,
            "start_s": decision.start_s,
            "ongoing_requests": totals.ongoing,
            "oldest_request_s": totals.oldest_s,
        }
        for figure, value in figures.items():
            self._gauges[figure].set(value, tags)
        why = {"reason": decision.reason, "acts": str(decision.acts).lower()}
        self._reason.inc(EVERY_S, tags | why)
