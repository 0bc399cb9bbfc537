"""Networks of published compiler reports, made anew by TensorFlow of 2023.

Its environment is kept below HEADWATER_HOME/envs and fetched once (1.3 GB).
"""

import pytest

from benchmarks.edge_tpu_logs.comparing import Score, total
from benchmarks.edge_tpu_logs.proof import proved
from benchmarks.edge_tpu_logs.rebuilding import Rebuilder
from benchmarks.edge_tpu_logs.reports import published
from configs.environment import load_environment

SMALL = ("autoencoder", "mnist-float", "mnist-int8", "mnist-uint8", "temporal")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The small networks, held to their reports."""
    envs = load_environment().home / "envs"
    maker = Rebuilder(envs, tmp_path_factory.mktemp("nets"))
    reports = published()
    return proved({name: reports[name] for name in SMALL}, maker)


def test_networks_made_anew_have_the_operators_of_the_published_files(found):
    assert [(one.name, one.apart) for one in found] == [(name, ()) for name in SMALL]


def test_prediction_is_what_the_compiler_published_to_the_word(found):
    mapped, fallen, reasons = total(found)

    assert (mapped, fallen, reasons) == (
        Score(33, 33, 33), Score(5, 5, 5), Score(38, 38, 38),
    )  # fmt: skip
    assert [line for one in found for line in one.disagreements] == []
