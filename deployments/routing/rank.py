"""Rendezvous hashing: every caller ranks replicas for a model alike, without talking.

A replica that comes or goes changes the first place of only its share of the models.
Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998.
"""

import hashlib
from collections.abc import Iterable

from deployments.layout import model_of


def ranked(node: str, replicas: Iterable[str]) -> list[str]:
    """The replicas, the one that should hold the model of `node` first.

    All versions of a model rank alike, so that a canary lives beside its stable version.
    """
    model = model_of(node) or node
    return sorted(replicas, key=lambda replica: _weight(model, replica), reverse=True)


def _weight(model: str, replica: str) -> bytes:
    return hashlib.blake2b(f"{model}|{replica}".encode(), digest_size=8).digest()
