import pytest
from tests.e2e.test_pools import catalogue, pool  # noqa: F401
from tests.e2e.test_pools import test_storm_of_clients_that_ask_load_and_unload_leaves_the_pool_whole as storm


@pytest.mark.parametrize("n", range(8))
def test_again(pool, cluster, n, tmp_path):
    before = cluster.replica_pids("shelf")
    try:
        storm(pool)
    finally:
        print(n, before, cluster.replica_pids("shelf"), cluster.replica_pids())
        import shutil
        from pathlib import Path
        for f in cluster.logs():
            shutil.copy(f, Path("/tmp/core2") / f.name)
