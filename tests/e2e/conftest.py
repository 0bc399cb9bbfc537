"""One built store and one running cluster for all end-to-end tests."""

import pytest

from configs.demo import packaged_demo
from models.sources import fetch
from tests.e2e.cluster import (
    SHARED_PORTS,
    Cluster,
    build_store,
    environment_at,
    with_tiny,
)


@pytest.fixture(scope="session")
def store():
    """The environment whose store holds every model of the packaged catalogue."""
    return build_store()


@pytest.fixture(scope="session")
def cluster(store, tmp_path_factory):
    """A running local Ray; a test deploys what it needs."""
    folder = tmp_path_factory.mktemp("cluster")
    environment = environment_at(SHARED_PORTS, folder / "home", store)
    running = Cluster(SHARED_PORTS, with_tiny(environment, folder))
    yield running
    running.end()


@pytest.fixture(scope="module")
def fused(cluster):
    """The cluster with vision, tiny and slow deployed as they come, nodes in one replica."""
    cluster.serve("fused")
    return cluster


@pytest.fixture(scope="session")
def cat(store):
    """The photo that `headwater up` shows."""
    return fetch(packaged_demo().photo, store.home / "cache").read_bytes()
