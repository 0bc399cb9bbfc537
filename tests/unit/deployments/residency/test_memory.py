"""The allocator's settings hold for a whole process, so each test has one of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")

ROOM_BYTES, ROUNDS = 1 << 20, 50
PAGES = ROOM_BYTES // 4096

FAULTS = f"""
import resource
from deployments.residency import memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def use():
    for _ in range({ROUNDS}):
        one, other = bytearray({ROOM_BYTES}), bytearray({ROOM_BYTES})
        del other, one

memory.keep()
use()
before = faults()
use()
print(faults() - before)
"""

GIVEN_BACK = """
from deployments.residency import memory

memory.keep()
blocks = [bytearray(1 << 20) for _ in range(100)]
held = memory.resident_bytes()
blocks.clear()
kept = memory.resident_bytes()
memory.trim()
print(held - kept, held - memory.resident_bytes())
"""


def said(script):
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(word) for word in done.stdout.split()]


def test_memory_of_a_request_is_not_mapped_anew_for_the_next_one():
    (faults,) = said(FAULTS)

    assert faults < PAGES  # one of a hundred blocks at most


def test_kept_memory_goes_back_when_it_is_asked_for():
    at_once, after_trim = said(GIVEN_BACK)

    assert at_once < 50 << 20 < after_trim
