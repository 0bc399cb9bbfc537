"""What the votes of an ensemble's members count."""

import pytest

from configs.catalogue import load_catalogue
from models.card import EnsembleCard
from models.errors import VariantNotFound
from models.weights import member_weights
from tests.tiny_models import build_tiny_store, make_tiny_catalogue


@pytest.fixture
def pipeline(tmp_path):
    return load_catalogue(make_tiny_catalogue(tmp_path)).pipelines["tiny"]


@pytest.fixture
def store(pipeline, tmp_path):
    return build_tiny_store(tmp_path / "catalogue", tmp_path / "store")


@pytest.fixture
def members(store):
    return [store.card(name, 1, "fp32-onnx") for name in ("tiny-a", "tiny-b")]


def weighted(pipeline, weights):
    ensemble = pipeline.ensemble.model_copy(update={"weights": weights})
    return pipeline.model_copy(update={"ensemble": ensemble})


def save_fitted(store, members):
    store.save_ensemble(
        EnsembleCard(
            pipeline="tiny",
            build_key="0" * 64,
            created="2026-01-01T00:00:00+00:00",
            members=tuple(card.model for card in members),
            member_files=tuple(card.model_file.sha256 for card in members),
            weights=(0.9, 0.1),
            fitted_on="photos",
            n=20,
            log_loss_uniform=1.0,
            log_loss=0.9,
        )
    )


@pytest.mark.parametrize(
    ("said", "wanted"), [("uniform", (0.5, 0.5)), ((1.0, 3.0), (0.25, 0.75))]
)
def test_weights_of_the_spec_become_shares(store, pipeline, members, said, wanted):
    assert member_weights(store, weighted(pipeline, said), members) == wanted


def test_fitted_weights_come_from_the_store(store, pipeline, members):
    save_fitted(store, members)

    found = member_weights(store, weighted(pipeline, "fitted"), members)

    assert found == (0.9, 0.1)


def test_weights_fitted_for_other_files_do_not_count(store, pipeline, members):
    save_fitted(store, members[::-1])

    with pytest.raises(VariantNotFound, match="tiny with its members of now"):
        member_weights(store, weighted(pipeline, "fitted"), members)
