"""A peer's server from its start to its end, a small one of the standard library."""

import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.contenders import Subject
from benchmarks.facts import HttpTarget, SubjectFact
from benchmarks.payloads import class_of_logits
from benchmarks.peers.hosts import PeerHost
from benchmarks.peers.roster import Peer, Ports
from benchmarks.peers.server import ServerFailed
from serve_app.cluster.errors import PortTaken

ECHO = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Echo(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

HTTPServer(("127.0.0.1", int(os.environ["PEER_HTTP_PORT"])), Echo).serve_forever()
"""
CLASS = 2


def host(port, code):
    peer = Peer("some", "some server", lambda at: [str(at.python), "-c", code], ())
    fact = SubjectFact(id="some-raw", title="some", group="model", role="peer")
    logits = np.eye(4, dtype=np.float32)[CLASS].tobytes()
    subject = Subject(
        fact,
        HttpTarget(url=f"http://127.0.0.1:{port}/"),
        logits,
        lambda content, _: class_of_logits(content),
    )
    ports, python = Ports(port, port, port), Path(sys.executable)
    return PeerHost(peer, (subject,), ports, python, Path("model.onnx"), workers=1)


@pytest.fixture
def port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = taken.getsockname()[1]
    return found


def test_server_answers_while_the_block_lasts_and_is_gone_after(port, tmp_path):
    with host(port, ECHO).running(tmp_path, CLASS) as clocks:
        spent = clocks()

    assert spent
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_server_that_dies_is_told_with_its_last_words(port, tmp_path):
    dying = host(port, "raise SystemExit('no such model')")

    with (
        pytest.raises(ServerFailed, match="some: ended: no such model"),
        dying.running(tmp_path, CLASS),
    ):
        pass


def test_taken_port_is_named_before_anything_starts(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = host(taken.getsockname()[1], ECHO)

        with pytest.raises(PortTaken), busy.running(tmp_path, CLASS):
            pass

    assert list(tmp_path.iterdir()) == []
