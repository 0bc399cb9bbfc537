import os
import socket

import pytest

from serve_app.cluster.errors import PortTaken
from serve_app.cluster.ports import is_taken, require_free


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
def taken(request):
    with socket.create_server((request.param, 0)) as server:
        yield server.getsockname()[1]


def test_taken_port_is_named_with_holder_and_setting(taken):
    with pytest.raises(PortTaken) as refused:
        require_free({"HEADWATER_RAY_PORT": taken})

    text = str(refused.value)
    assert text.startswith(f"port {taken} is in use by ")
    assert f"(pid {os.getpid()})" in text
    assert text.endswith("; change HEADWATER_RAY_PORT")


def test_port_is_free_once_its_server_has_ended():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert not is_taken(port)


def test_no_ports_are_free():
    require_free({})
