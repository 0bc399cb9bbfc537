import mmap
import os
import threading
import time
from pathlib import Path

import pytest

from benchmarks.profile.__main__ import table
from benchmarks.profile.clocks import Spent, spent
from benchmarks.profile.ladder import BARE, parts_us, rung_of, take_turns
from benchmarks.profile.servers import Rounds

counted = pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="this system does not count so"
)


def rungs(bare, socket, front, whole):
    """Each costs so many µs a request, a quarter of it beside the event loop."""
    costs = {BARE: bare, "socket": socket, "front": front, "whole": whole}
    return {
        name: rung_of(name, [(Spent(0.75 * us / 1e6, 0.25 * us / 1e6, 3), 1)])
        for name, us in costs.items()
    }


def test_parts_add_up_to_the_whole():
    parts = parts_us(rungs(4000, 100, 400, 4700))

    assert list(parts.values()) == pytest.approx([4000, 100, 300, 300])


def test_rung_is_the_median_of_its_turns_a_request():
    seen = [
        (Spent(2.0, 1.0, 10), 10),
        (Spent(9.0, 1.0, 90), 10),
        (Spent(3.0, 4.0, 0), 10),
    ]

    rung = rung_of("front", seen)

    assert (rung.loop_us, rung.threads_us) == pytest.approx((300_000, 100_000))
    assert (rung.faults, rung.answers) == (1, 30)


async def test_turns_go_round_and_the_first_round_does_not_count():
    order = []

    def turn(name):
        async def take():
            order.append(name)
            return Spent(0, 0, len(order)), 1

        return take

    seen = await take_turns({"one": turn("one"), "two": turn("two")}, 2)

    assert order == ["one", "two"] * 3
    assert [used.faults for used, _ in seen["two"]] == [4, 6]


def test_table_has_a_column_for_each_way_to_ask():
    shown = table({"HTTP": rungs(4000, 100, 400, 5000), "gRPC": rungs(4, 1, 4, 16)})

    assert shown.splitlines()[0] == "| CPU µs a request | HTTP | gRPC |"
    assert "| **all** | **5000** | **16** |" in shown
    assert "| of it on the event loop | 3750 | 12 |" in shown
    assert "| **the bare model's part** | **80%** | **25%** |" in shown


@pytest.mark.parametrize(("callers", "rows"), [(1, 1), (8, 4), (9, 4)])
def test_half_of_the_callers_are_a_batch(callers, rows):
    assert Rounds(1, 1.0, callers).rows == rows


def work(seconds):
    began_s = time.thread_time()
    while time.thread_time() - began_s < seconds:
        pass


@counted
def test_work_of_the_first_thread_counts_as_the_loops():
    before = spent(os.getpid())
    work(0.1)  # pytest runs tests on the first thread
    after = spent(os.getpid())

    assert after.since(before).loop_s >= 0.05


@counted
def test_work_of_another_thread_counts_beside_the_loop():
    worked, seen = threading.Event(), threading.Event()

    def work_and_wait():
        work(0.1)
        worked.set()
        seen.wait()  # the system forgets a thread that has ended

    before = spent(os.getpid())
    thread = threading.Thread(target=work_and_wait)
    thread.start()
    worked.wait()
    after = spent(os.getpid())
    seen.set()
    thread.join()

    assert after.since(before).threads_s >= 0.05


@counted
def test_fresh_pages_are_counted():
    before = spent(os.getpid())
    with mmap.mmap(-1, 256 * mmap.PAGESIZE) as pages:
        pages[:] = bytes(len(pages))
        faults = spent(os.getpid()).since(before).faults

    assert faults > 0
