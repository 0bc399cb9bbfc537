"""What ensembles count as metrics of the replica, which Ray exports with its own."""

from ray.util.metrics import Counter

from deployments.ensembles.growth import SHOWN, Key


class EnsembleCounters:
    """Implements `growth.Watcher`."""

    def __init__(self, application: str) -> None:
        self._application = application
        self._counters = {
            name: Counter(
                f"headwater_ensemble_{name}",
                text,
                tag_keys=("application", "pipeline", *tags),
            )
            for name, (text, tags) in SHOWN.items()
        }

    def grow(self, pipeline: str, key: Key, by: float) -> None:
        """See `Watcher.grow`."""
        name, *values = key
        tags = {"application": self._application, "pipeline": pipeline}
        tags |= zip(SHOWN[name][1], values, strict=True)
        self._counters[name].inc(by, tags)
