"""What shadows do as metrics of the replica, which Ray exports with its own."""

from ray.util.metrics import Counter, Gauge

from deployments.shadow.drift import Drift

FIGURES = {
    "agreement": "Share of the last compared rows with the answer that was given.",
    "score_gap": "Mean difference of the two in the probability of the given class.",
    "score_psi": "Population stability index of the two distributions of scores.",
    "window_rows": "Rows that these figures are of.",
}


class ShadowGauges:
    """Implements `node.Shown`."""

    def __init__(self, application: str) -> None:
        tags = ("application", "pipeline", "member")
        self._application = application
        self._requests = Counter(
            "headwater_shadow_requests",
            "Requests offered to a shadow by outcome: compared, dropped, failed.",
            tag_keys=(*tags, "outcome"),
        )
        self._gauges = {
            name: Gauge(f"headwater_shadow_{name}", text, tag_keys=tags)
            for name, text in FIGURES.items()
        }

    def show(self, pipeline: str, member: str, outcome: str, drift: Drift) -> None:
        """See `Shown.show`."""
        tags = {
            "application": self._application,
            "pipeline": pipeline,
            "member": member,
        }
        self._requests.inc(1, {**tags, "outcome": outcome})
        if outcome != "compared":
            return
        for name, value in (
            ("agreement", drift.agreement),
            ("score_gap", drift.score_gap),
            ("score_psi", drift.score_psi),
            ("window_rows", drift.rows),
        ):
            self._gauges[name].set(value, tags)
