"""Several versions of a model: their files, policies and aliases."""

import pytest
from pydantic import ValidationError

from configs.catalogue import load_catalogue
from configs.errors import ConfigError
from configs.version_policy import VersionPolicySpec
from tests.tiny_models import make_tiny_catalogue
from tests.versions import add_version, edit


@pytest.fixture
def root(tmp_path):
    return make_tiny_catalogue(tmp_path)


def test_newest_version_is_the_model_and_older_ones_lie_beside_it(root):
    add_version(root, "tiny-a", 7)
    add_version(root, "tiny-a", 8)

    catalogue = load_catalogue(root)

    assert catalogue.models["tiny-a"].version == 3
    assert list(catalogue.versions("tiny-a")) == [1, 2, 3]
    assert list(catalogue.versions("tiny-b")) == [1]
    assert list(catalogue.versions("nobody")) == []


@pytest.mark.parametrize(
    ("policy", "served"),
    [
        ({}, (3,)),
        ({"latest": 2}, (2, 3)),
        ({"latest": 9}, (1, 2, 3)),
        ({"specific": [3, 1]}, (1, 3)),
        ({"all": True}, (1, 2, 3)),
    ],
)
def test_policy_chooses_versions(policy, served):
    assert VersionPolicySpec.model_validate(policy).chosen([2, 1, 3]) == served


@pytest.mark.parametrize(
    "policy", [{"latest": 1, "all": True}, {"specific": []}, {"latest": 0}]
)
def test_policy_that_says_two_things_or_nothing_is_refused(policy):
    with pytest.raises(ValidationError):
        VersionPolicySpec.model_validate(policy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"aliases": {"stable": 1}}, r"aliases.stable: version 1 is not served: \[2\]"),
        ({"aliases": {"stable": 9}}, "aliases.stable: version 9 is not served"),
        ({"version_policy": {"specific": [5]}}, "specific: there is no version 5"),
        ({"aliases": {"7": 2}}, "aliases.7"),
        (
            {"version": 1},
            r"tiny-a@1.yaml: version: must be below 1, that of tiny-a.yaml",
        ),
    ],
)
def test_mistake_about_versions_is_told_with_file_and_key(root, changes, message):
    add_version(root, "tiny-a", 7)
    edit(root, "tiny-a", **changes)

    with pytest.raises(ConfigError, match=message):
        load_catalogue(root)


def test_file_of_a_version_is_named_after_it(root):
    add_version(root, "tiny-a", 7)
    (root / "models" / "tiny-a@1.yaml").rename(root / "models" / "tiny-a@5.yaml")

    with pytest.raises(ConfigError, match=r"belongs into a file named tiny-a@1.yaml"):
        load_catalogue(root)


def test_older_version_may_not_say_what_is_served(root):
    add_version(root, "tiny-a", 7)
    edit(root, "tiny-a@1", aliases={"stable": 1})

    with pytest.raises(ConfigError, match=r"aliases: belongs into tiny-a.yaml"):
        load_catalogue(root)


def test_older_version_needs_a_newest_one(root):
    add_version(root, "tiny-a", 7)
    (root / "models" / "tiny-a.yaml").unlink()

    with pytest.raises(ConfigError, match=r"there is no tiny-a.yaml"):
        load_catalogue(root)
