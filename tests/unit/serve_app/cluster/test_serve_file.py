import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from serve_app.cluster.serve_file import (
    OUR_APP,
    OUR_POLICY,
    scaling_faults,
    unknown_keys,
)


class Actor(BaseModel):
    num_cpus: float = 1


class Deployment(BaseModel):
    name: str
    actor: dict[str, float] | Actor | None = None


class File(BaseModel):
    port: int = 1
    args: dict[str, object] = {}
    deployments: list[Deployment] = []


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"port": 2}, []),
        ({"prot": 2}, ["prot"]),
        ({"args": {"anything": 1}}, []),
        ({"deployments": [{"name": "a"}, {"labl": "b"}]}, ["deployments.1.labl"]),
        ({"deployments": [{"actor": {"cpus": 1}}]}, ["deployments.0.actor.cpus"]),
        ({"deployments": {"labl": "b"}}, ["deployments.labl"]),
        ({"deployments": 5, "port": None}, []),
    ],
)
def test_dropped_keys_are_found_at_their_place(content, found):
    assert list(unknown_keys(content, File)) == found


@given(
    st.recursive(
        st.none() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["port", "deployments", "actor", "x"]), inner
            )
        ),
    )
)
def test_any_content_can_be_linted(content):
    assert all(isinstance(key, str) for key in unknown_keys(content, File))


POLICY = {"policy_function": OUR_POLICY}
SCALED: dict[str, object] = {"autoscaling": {"deployments": {"ingress": {}}}}


@pytest.mark.parametrize(
    ("application", "found"),
    [
        ({"args": SCALED, "autoscaling_policy": POLICY}, []),
        ({"args": {}}, []),
        ({}, []),
        ({"args": SCALED}, ["autoscaling_policy"]),
        ({"autoscaling_policy": POLICY}, ["args.autoscaling"]),
        (
            {
                "args": SCALED,
                "autoscaling_policy": POLICY,
                "deployments": [{"name": "ingress", "num_replicas": 2}],
            },
            ["deployments.0.num_replicas"],
        ),
        ({"deployments": [{"name": "ingress", "num_replicas": 2}]}, []),
        ({"args": "slow", "deployments": 5}, []),
    ],
)
def test_autoscaling_that_is_half_said_is_found(application, found):
    content = {"applications": [{"import_path": OUR_APP, **application}]}

    assert [key for key, _ in scaling_faults(content)] == [
        f"applications.0.{key}" for key in found
    ]


@pytest.mark.parametrize("content", [{}, {"applications": 5}, {"applications": [7]}])
def test_other_content_has_no_such_fault(content):
    assert list(scaling_faults(content)) == []
