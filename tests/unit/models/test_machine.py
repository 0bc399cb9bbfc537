"""Which CPUs add INT8 products exactly."""

import pytest

from models.machine import describe, narrow, saturates, this_saturates


@pytest.mark.parametrize("flag", ["avx512_vnni", "avx_vnni", "amx_int8"])
def test_x86_with_vnni_is_exact(flag):
    assert not saturates("x86_64", {"avx2", flag})


@pytest.mark.parametrize("architecture", ["x86_64", "AMD64"])
def test_x86_without_vnni_saturates(architecture):
    assert saturates(architecture, {"avx2", "avx512f"})


@pytest.mark.parametrize("architecture", ["aarch64", "arm64"])
def test_arm_is_exact(architecture):
    assert not saturates(architecture, ())


def test_x86_that_tells_nothing_is_taken_for_the_worst():
    assert saturates("x86_64", ())


def test_description_names_what_a_latency_depends_on():
    assert {"cpu", "cores", "architecture", "int8"} <= describe().keys()


def test_only_auto_asks_the_machine_whether_to_narrow_weights():
    assert (narrow("true"), narrow("false")) == (True, False)
    assert narrow("auto") == this_saturates()
