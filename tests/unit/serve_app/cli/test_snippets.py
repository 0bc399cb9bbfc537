import shlex
from pathlib import Path

import pytest

from configs.environment import Environment
from serve_app.cli.snippets import next_steps, shown
from serve_app.cluster.serve_file import ServeFile


@pytest.fixture
def environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Environment(home=tmp_path / ".headwater")


def serve_file(environment, grpc_port=9100):
    path = environment.home.parent / "serve_config.yaml"
    return ServeFile(path, ("headwater",), 8100, grpc_port)


def test_curl_line_names_port_and_photo(environment):
    text = next_steps(environment, serve_file(environment))

    assert (
        "curl --data-binary @.headwater/cat.png http://127.0.0.1:8100/v1/pipelines/vision"
        in text
    )


def test_grpc_lines_name_their_port(environment):
    text = next_steps(environment, serve_file(environment))

    assert '("127.0.0.1:9100")' in text


def test_no_grpc_door_no_grpc_lines(environment):
    text = next_steps(environment, serve_file(environment, grpc_port=None))

    assert "gRPC" not in text


def test_lines_survive_a_folder_with_spaces_and_apostrophes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    odd = Environment(home=tmp_path / 'it\'s "here"')
    lines = next_steps(odd, serve_file(odd))

    words = [shlex.split(line, comments=True) for line in shell_lines(lines)]

    assert words[0][2] == '@it\'s "here"/cat.png'
    assert words[1] == ["source", 'it\'s "here"/env.sh']
    for start in ("# HTTP, Python", "# gRPC, Python"):
        compile(python_lines(lines, start), "lines", "exec")


def shell_lines(text):
    return [line for line in text.splitlines() if line.startswith(("curl", "source"))]


def python_lines(text, start):
    return text.split(start)[1].split("\n\n")[0].split("\n", 1)[1]


@pytest.mark.parametrize("start", ["# HTTP, Python", "# gRPC, Python"])
def test_python_lines_are_python(environment, start):
    text = next_steps(environment, serve_file(environment))

    compile(python_lines(text, start), "lines", "exec")


def test_shell_lines_come_from_the_home(environment):
    text = next_steps(environment, serve_file(environment))

    assert "source .headwater/env.sh\n" in text
    assert "serve deploy serve_config.yaml\n" in text


def test_path_elsewhere_is_shown_whole(environment):
    assert shown(Path("/elsewhere/file")) == "/elsewhere/file"
