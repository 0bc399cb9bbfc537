"""What of a Serve file the contenders take over."""

from benchmarks.contenders import Shape, gathered, shape_of


def serve_config(**ingress: object) -> dict[str, object]:
    deployments = [{"name": "other", "num_replicas": 9}, {"name": "ingress", **ingress}]
    return {"applications": [{"name": "headwater", "deployments": deployments}]}


def test_shape_is_the_ingress_replicas_and_their_cpus():
    config = serve_config(num_replicas=2, ray_actor_options={"num_cpus": 3})

    assert shape_of(config) == Shape(replicas=2, threads=3)
    assert shape_of(config).slots == 6


def test_silent_ingress_has_one_replica_of_one_thread():
    assert shape_of(serve_config()) == Shape(1, 1)


def test_fraction_of_a_cpu_is_one_thread():
    config = serve_config(ray_actor_options={"num_cpus": 0.5})

    assert shape_of(config).threads == 1


def test_config_without_an_ingress_has_one_replica():
    assert shape_of({"applications": [{"name": "headwater"}]}) == Shape(1, 1)


def test_gathered_shape_has_the_same_threads_in_one_replica():
    assert gathered(Shape(replicas=2, threads=3)) == Shape(replicas=1, threads=6)
