"""What a comparison publishes of a failure."""

import pytest

from benchmarks.peers.campaign import without_folders


@pytest.mark.parametrize(
    ("said", "published"),
    [
        ("see /home/me/run/ray.log", "see ray.log"),
        ("File '/opt/a-b/c.py', line 3", "File 'c.py', line 3"),
        ("http://127.0.0.1:18000/v2/models answered 500",) * 2,
        ("p50 / p99", "p50 / p99"),
    ],
)
def test_reason_names_no_folder_of_this_machine(said, published):
    assert without_folders(said) == published
