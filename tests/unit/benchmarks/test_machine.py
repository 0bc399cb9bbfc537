"""The name of a machine in a file name."""

from benchmarks.machine import slug


def test_slug_is_short_and_safe_for_a_file_name():
    facts = {"cpu": "AMD EPYC 7763 64-Core Processor (x)", "cores": "2"}

    assert slug(facts) == "amd-epyc-7763-64-2-cores"
