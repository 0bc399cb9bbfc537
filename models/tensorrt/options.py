"""What an engine is built for; plain values that travel to tool environments as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bucket:
    """Batch sizes of one optimisation profile; the engine is tuned for `opt`."""

    min: int
    opt: int
    max: int


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How an engine is built; each bucket is a profile of its own."""

    buckets: tuple[Bucket, ...]
    refit: bool = False

    def as_json(self) -> dict[str, Any]:
        """What `options_from` reads."""
        return asdict(self)


def options_from(said: Mapping[str, Any]) -> EngineOptions:
    """The options that `as_json` wrote."""
    buckets = tuple(Bucket(**bucket) for bucket in said["buckets"])
    return EngineOptions(buckets, said["refit"])


def buckets_of(sizes: Iterable[int]) -> tuple[Bucket, ...]:
    """Buckets without gaps from the smallest of `sizes`, each tuned for its largest.

    1, 8, 32 become 1, 2 to 8 and 9 to 32: a batch runs in the profile made for its size.
    """
    ordered = sorted(set(sizes))
    lows = [ordered[0], *(size + 1 for size in ordered[:-1])]
    return tuple(
        Bucket(low, size, size) for low, size in zip(lows, ordered, strict=True)
    )


def bucket_for(buckets: Iterable[Bucket], rows: int) -> int | None:
    """The place of the first bucket that takes so many rows; None: they are too many."""
    fits = (i for i, bucket in enumerate(buckets) if rows <= bucket.max)
    return next(fits, None)
