import pytest

from configs.autoscaling import AutoscalingSpec
from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.live import journal
from deployments.autoscaling.live.keeper import RECENT_S, SAVE_S, Keeper
from tests.fakes_scaling import Inline

LINE = {"kind": "decision", "at_s": 1.0, "name": "m"}


@pytest.fixture
def runner():
    return Inline()


@pytest.fixture
def keeper(tmp_path, runner):
    return Keeper(tmp_path / "app", runner)


@pytest.fixture
def memory():
    autoscaler = Autoscaler()
    autoscaler.configure({"m": AutoscalingSpec()})
    return autoscaler.memory


def written_s(keeper):
    return keeper.file.stat().st_mtime


def test_state_is_written_when_it_is_due_and_not_before(keeper, memory):
    keeper.flush(memory, 0.0)
    keeper.flush(memory, SAVE_S - 1)
    assert not keeper.file.exists()

    keeper.flush(memory, SAVE_S)

    assert keeper.file.exists()


def test_clock_that_steps_back_does_not_stop_the_writing(keeper, memory):
    keeper.flush(memory, 1e6)
    keeper.flush(memory, 5.0)

    assert keeper.file.exists()


def test_deployments_of_a_moment_ago_are_told(keeper, memory):
    keeper.flush(memory, 0.0)
    keeper.flush(memory, SAVE_S)
    wrote_s = written_s(keeper)

    assert keeper.recall(Autoscaler().memory, wrote_s + 1) == {"m"}
    assert keeper.recall(Autoscaler().memory, wrote_s + RECENT_S + 1) == frozenset()


def test_what_was_learnt_comes_back(keeper, memory):
    memory.starts.seconds[0, :5] = 7.0
    memory.starts.measured[0] = 5
    keeper.flush(memory, 0.0)
    keeper.flush(memory, SAVE_S)

    later = Autoscaler()
    keeper.recall(later.memory, written_s(keeper))
    later.configure({"m": AutoscalingSpec()})

    assert later.memory.starts.expected_s[0] == pytest.approx(7)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 half a zip"])
def test_damaged_state_is_ignored_with_a_warning(keeper, memory, caplog, content):
    keeper.folder.mkdir()
    keeper.file.write_bytes(content)

    assert keeper.recall(memory, 0.0) == frozenset()
    assert "starts without what it had learnt" in caplog.text


def test_state_set_aside_is_not_read_again(keeper, memory):
    keeper.flush(memory, 0.0)
    keeper.flush(memory, SAVE_S)

    keeper.set_aside()

    assert keeper.recall(memory, 0.0) == frozenset()
    assert [one.name for one in keeper.folder.iterdir()] == ["state.rejected.npz"]


def test_lines_wait_while_the_disk_is_stuck(keeper, memory, runner):
    runner.stuck = True
    keeper.write([LINE])
    keeper.flush(memory, 0.0)
    assert not keeper.folder.exists()

    runner.stuck = False
    keeper.flush(memory, 1.0)

    assert len(list(journal.read(keeper.folder))) == 1


def test_disk_that_refuses_is_counted_and_raises_nothing(tmp_path, runner, memory):
    (tmp_path / "file").write_text("no folder")
    keeper = Keeper(tmp_path / "file" / "app", runner)
    keeper.write([LINE])

    keeper.flush(memory, 0.0)

    assert keeper.faults == 1
