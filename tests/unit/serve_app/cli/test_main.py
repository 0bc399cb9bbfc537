import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from configs.environment import Environment
from serve_app.cli.main import app, main
from serve_app.cluster import lock

HEAVY = ("ray", "torch", "onnxruntime")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, words)


@pytest.fixture
def end(run, monkeypatch, capsys):
    """Exit code and error text of the command as a user meets it."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["headwater", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return call


def test_version_is_printed(run):
    assert re.fullmatch(r"headwater \d+\.\d+\.\d+\n", run("--version").stdout)


@pytest.mark.parametrize("command", ["up", "down", "status", "demo", "models"])
def test_every_command_has_help(run, command):
    result = run(command, "--help")

    assert (result.exit_code, command in result.stdout) == (0, True)


def test_down_without_a_cluster_is_fine(run):
    result = run("down")

    assert (result.exit_code, result.stdout) == (0, "Ended: nothing was running\n")


def test_down_while_another_command_is_at_work_names_it(end, tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_START_TIMEOUT_S", "0.01")

    with lock.held(Environment(home=tmp_path / "home"), "up", lambda line: None):
        code, text = end("down")

    assert code == 1
    assert text.startswith("error: `headwater up` (pid ")


@pytest.mark.parametrize("command", ["status", "demo"])
def test_command_that_needs_a_cluster_says_how_to_start_one(end, command):
    assert end(command) == (
        1,
        "error: no local cluster is running; start one with `headwater up`\n",
    )


def test_refused_setting_is_one_line(end, monkeypatch):
    monkeypatch.setenv("HEADWATER_RAY_PORT", "[many]")

    code, text = end("status")

    assert code == 1
    assert text.startswith("error: environment: HEADWATER_RAY_PORT: Input should be")


def test_help_imports_nothing_heavy():
    code = (
        "import sys, serve_app.cli.main; "
        f"sys.exit(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert done.stderr.strip() == ""
