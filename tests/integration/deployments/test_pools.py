"""Which models an application serves and where, when it has pools and versions."""

import pytest
import yaml

from configs.catalogue import load_catalogue
from configs.errors import ConfigError
from configs.pool import PoolSpec
from deployments.blueprint import draw
from deployments.layout import INGRESS
from deployments.pools import into_pools
from models.errors import VariantNotFound
from models.store import Store
from tests.fakes_control import a_blueprint
from tests.tiny_models import build_tiny_store, make_tiny_catalogue
from tests.versions import add_version, build_again, edit


@pytest.fixture
def root(tmp_path):
    return make_tiny_catalogue(tmp_path)


@pytest.fixture
def store(root, tmp_path):
    return build_tiny_store(root, tmp_path / "store")


def a_pool(*models, **more):
    return PoolSpec(models=models, **more)


def test_star_is_every_model_that_can_be_served(root, store):
    text = (root / "models" / "tiny-a.yaml").read_text()
    for name in ("built", "unbuilt"):
        new = root / "models" / f"{name}.yaml"
        new.write_text(text.replace("id: tiny-a", f"id: {name}"))
        if name == "built":
            build_again(root, store)

    blueprint = a_blueprint(root, store, {"shelf": a_pool("*")})

    assert set(blueprint.wishes) == {"tiny-a", "tiny-b", "built"}
    assert {blueprint.plan.home(f"model:{m}") for m in blueprint.wishes} == {"shelf"}


def test_named_pool_goes_before_the_one_for_all_the_rest(root, store):
    pools = {"rest": a_pool("*"), "special": a_pool("tiny-b")}

    plan = a_blueprint(root, store, pools).plan

    assert (plan.home("model:tiny-a"), plan.home("model:tiny-b")) == ("rest", "special")


def test_models_without_a_pool_stay_where_the_layout_puts_them(root, store):
    plan = a_blueprint(root, store, {"shelf": a_pool("tiny-a")}).plan

    assert plan.home("model:tiny-b") == INGRESS


def test_only_one_pool_takes_every_model(root, store):
    with pytest.raises(ConfigError, match=r"pools.two.models: one takes every model"):
        a_blueprint(root, store, {"one": a_pool("*"), "two": a_pool("*")})


def test_model_of_a_pool_that_nobody_knows_is_named(root, store):
    with pytest.raises(ConfigError, match=r"nobody: is not in the catalogue"):
        a_blueprint(root, store, {"shelf": a_pool("nobody")})


def test_model_of_a_pool_that_was_never_built_is_named(root, tmp_path):
    catalogue, empty = load_catalogue(root), Store(tmp_path / "empty")
    blueprint = draw(catalogue, empty, pipelines=[])

    with pytest.raises(VariantNotFound, match="tiny-a version 1"):
        into_pools(blueprint, catalogue, empty, {"shelf": a_pool("tiny-a")})


def member_version(root, version):
    file = root / "pipelines" / "tiny.yaml"
    said = yaml.safe_load(file.read_text())
    said["ensemble"]["members"][0]["version"] = version
    file.write_text(yaml.safe_dump(said))


def test_member_of_a_pipeline_may_be_a_version(root, store):
    add_version(root, "tiny-a", 7, version_policy={"all": True})
    build_again(root, store)
    member_version(root, 1)

    blueprint = draw(load_catalogue(root), store)

    assert blueprint.models["tiny-a"].version == 2
    assert blueprint.models["tiny-a:1"].version == 1
    assert blueprint.cards["tiny-a:1"].version == 1


def test_member_follows_the_stable_version(root, store):
    add_version(root, "tiny-a", 7, version_policy={"all": True}, aliases={"stable": 1})
    build_again(root, store)

    assert draw(load_catalogue(root), store).models["tiny-a"].version == 1


def test_member_of_a_version_that_is_not_served_is_told(root, store):
    add_version(root, "tiny-a", 7)
    build_again(root, store)
    member_version(root, 1)

    with pytest.raises(ConfigError, match=r"tiny-a version 1 is not served: \[2\]"):
        draw(load_catalogue(root), store)
    member_version(root, 5)
    with pytest.raises(ConfigError, match=r"tiny-a has no version 5: \[1, 2\]"):
        load_catalogue(root)


def test_every_version_is_built(root, store):
    add_version(root, "tiny-a", 7)
    add_version(root, "tiny-a", 8)

    build_again(root, store)

    found = [card.version for card in store.cards() if card.model == "tiny-a"]
    assert found == [1, 2, 3]
    edit(root, "tiny-a", version_policy={"all": True})
    wish = draw(load_catalogue(root), store).wishes["tiny-a"]
    assert wish.words == {"": 3, "1": 1, "2": 2, "3": 3}
    assert len({one.card.model_file.sha256 for one in wish.editions}) == 3
