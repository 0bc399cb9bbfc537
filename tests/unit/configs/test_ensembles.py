"""What a pipeline's file may say about its ensemble."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from configs.catalogue import packaged_catalogue
from configs.pipeline import (
    AnyEnsemble,
    BudgetSpec,
    CascadeSpec,
    EnsembleSpec,
    PipelineSpec,
    SoftVoteSpec,
)
from configs.spec import read_spec

THREE = [{"model": "a"}, {"model": "b"}, {"model": "c"}]
CASCADE = {"strategy": "cascade", "thresholds": [0.5, 0.5]}


def read(**said: object) -> EnsembleSpec:
    found: EnsembleSpec = TypeAdapter(AnyEnsemble).validate_python(
        {"members": THREE, **said}
    )
    return found


def test_soft_vote_of_equals_is_the_default():
    found = read()

    assert isinstance(found, SoftVoteSpec)
    assert (found.weights, found.temperatures, found.quorum, found.degrade) == (
        "uniform",
        "none",
        None,
        None,
    )
    assert found.fits == ()


def test_strategy_decides_which_keys_there_are():
    assert isinstance(read(**CASCADE), CascadeSpec)
    assert isinstance(read(strategy="budget"), BudgetSpec)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        read(strategy="majority", thresholds=[0.5, 0.5])


def test_unknown_strategy_is_named_with_the_known_ones():
    with pytest.raises(
        ValidationError, match="must be soft_vote, majority, cascade or"
    ):
        read(strategy="stacking")


def test_what_is_fitted_is_told():
    said = {"weights": "fitted", "temperatures": "fitted", "fit_on": "photos"}

    assert read(strategy="cascade", **said).fits == (
        "weights",
        "temperatures",
        "thresholds",
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"strategy": "cascade"}, "thresholds: fitted needs fit_on"),
        ({"strategy": "budget", "values": "fitted"}, "values: fitted needs fit_on"),
        ({"temperatures": [1.0]}, "temperatures must hold one number a member"),
        ({"temperatures": [1.0, 0.0, 1.0]}, "temperatures must be > 0"),
        ({"strategy": "cascade", "thresholds": [0.5]}, "one number a member but the"),
        ({**CASCADE, "members": [{"model": "a"}]}, "needs two members"),
        ({"members": [{"model": "a", "fallback": True}]}, "one that is no fallback"),
        ({"quorum": {"members": 4}}, "quorum.members must be at most"),
        ({"degrade": {"min_members": 4}}, "degrade.min_members must be at most"),
        ({"degrade": {"at_pressure": 1.0}}, "less than 1"),
        ({"member_timeout_ms": 0}, "greater than 0"),
        ({"quorum": {"most": 1}}, "Extra inputs are not permitted"),
        ({"strategy": "budget", "members": [{"model": "a"}] * 9}, "at most 8 members"),
    ],
)
def test_nonsense_is_refused(said, reason):
    with pytest.raises(ValidationError, match=reason):
        read(**said)


def test_example_of_a_cascade_is_a_pipeline():
    file = packaged_catalogue() / "examples" / "pipelines" / "vision-cascade.yaml"

    spec = read_spec(Path(file), PipelineSpec)

    assert spec.ensemble.strategy == "cascade"
    assert (spec.id, spec.ensemble.fit_on) == (file.stem, "foolbox-imagenet")
