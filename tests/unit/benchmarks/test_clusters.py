"""What the two modes of a cluster differ in."""

from pathlib import Path

from benchmarks.clusters import REPOSITORY, variables
from configs.environment import Environment
from serve_app.cluster.plan import Place

PLACE = Place("run", Path("/tmp/x"), Path("/tmp/x/token"))


def test_haproxy_mode_is_what_headwater_up_sets():
    made = variables(Environment(), PLACE, "haproxy")

    assert made["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    assert made["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"


def test_default_mode_leaves_the_front_door_to_ray():
    made = variables(Environment(), PLACE, "default")

    front_door = ("RAY_SERVE_ENABLE", "RAY_SERVE_HAPROXY", "RAY_SERVE_THROUGHPUT")
    assert not [name for name in made if name.startswith(front_door)]


def test_both_modes_find_the_plain_deployments_and_need_a_token():
    for mode in ("haproxy", "default"):
        made = variables(Environment(), PLACE, mode)

        assert made["PYTHONPATH"] == str(REPOSITORY)
        assert made["RAY_AUTH_MODE"] == "token"
        assert made["HEADWATER_RUN_ID"] == "run"
