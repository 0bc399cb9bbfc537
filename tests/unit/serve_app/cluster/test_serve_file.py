import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from serve_app.cluster.serve_file import unknown_keys


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
