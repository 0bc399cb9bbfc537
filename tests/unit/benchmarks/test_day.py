import numpy as np
import pytest

from benchmarks.cpu_share import Shares, SharesUnavailable
from benchmarks.day import Day


def test_arrivals_follow_the_intensity_and_repeat():
    day = Day(1200, 20.0, seed=3)

    arrivals = day.arrivals_s()

    assert arrivals == sorted(arrivals) == Day(1200, 20.0, seed=3).arrivals_s()
    assert len(arrivals) == pytest.approx(day.intensity().sum(), rel=0.05)
    assert 0 <= arrivals[0] < arrivals[-1] < 1200


def test_noon_is_busier_than_night_and_the_spike_is_the_busiest():
    rates = Day(1200, 20.0).intensity()

    assert rates[20] < 0.2 * rates[600]
    assert 0.62 * 1200 <= int(np.argmax(rates)) <= 0.65 * 1200


def test_batch_comes_eight_times():
    rates = Day(1200, 20.0).intensity()
    jumps = np.flatnonzero(np.diff(rates) > 5)

    assert (
        len(jumps) == 7 + 1
    )  # seven after the first, which is the start, and the spike


def test_share_is_written_as_a_container_would(tmp_path):
    (tmp_path / "cpu").mkdir()
    group = tmp_path / "cpu" / "hw-7"

    Shares("hw", 0.25, tmp_path).hold([7])

    assert (group / "cgroup.procs").read_text() == "7"
    assert (group / "cpu.cfs_quota_us").read_text() == "5000"
    assert (group / "cpu.cfs_period_us").read_text() == "20000"


def test_second_version_of_cgroups_takes_one_line(tmp_path):
    Shares("hw", 0.25, tmp_path).hold([7])

    assert (tmp_path / "hw-7" / "cpu.max").read_text() == "5000 20000"


def test_machine_without_cgroups_says_so(tmp_path):
    with pytest.raises(SharesUnavailable, match="root and cgroups are needed"):
        Shares("hw", 0.25, tmp_path / "none").hold([7])
