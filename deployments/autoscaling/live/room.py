"""What a cluster must have room for, in the words of Ray's cluster autoscaler. Pure."""

from collections.abc import Mapping, Sequence

from deployments.autoscaling.live.sight import Sight

Bundle = tuple[tuple[str, float], ...]
"""The resources of one replica, by name, in the order of names."""

MOST_BUNDLES = 10_000


def bundles(sights: Sequence[Sight], later: Mapping[str, int]) -> tuple[Bundle, ...]:
    """One bundle for every replica that is there or may be wanted soon.

    Ray reads them as all that shall fit, what runs already included. A deployment that is
    only watched counts with what its own rule has ordered.
    """
    found: list[Bundle] = []
    for sight in sorted(sights, key=lambda one: one.name):
        shape = tuple(sorted(sight.spec.replica_resources.items()))
        wanted = 0 if sight.spec.shadow else later.get(sight.name, 0)
        replicas = max(sight.target, wanted)
        found += [shape] * min(replicas, MOST_BUNDLES - len(found))
    return tuple(found)
