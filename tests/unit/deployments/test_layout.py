import pytest
import yaml

from configs.catalogue import load_catalogue
from configs.errors import ConfigError
from deployments.layout import INGRESS, plan_layout, with_pools
from tests.tiny_models import make_tiny_catalogue


@pytest.fixture
def root(tmp_path):
    return make_tiny_catalogue(tmp_path)


def plan(root, layout=None, override=None, models=()):
    file = root / "pipelines" / "tiny.yaml"
    if layout is not None:
        spec = yaml.safe_load(file.read_text()) | {"layout": layout}
        file.write_text(yaml.safe_dump(spec))
    return plan_layout(load_catalogue(root), ["tiny"], models, override)


def test_fused_layout_puts_every_node_with_the_ingress(root):
    assert plan(root).deployments() == ()
    assert plan(root).nodes(INGRESS) == (
        "tiny:preprocess",
        "tiny:ensemble",
        "tiny:postprocess",
        "model:tiny-a",
        "model:tiny-b",
    )


def test_separate_layout_gives_every_node_a_deployment(root):
    homes = plan(root, "separate").homes

    assert {node: home for node, home in homes.items() if node != home} == {}


def test_override_replaces_the_layout_of_the_spec(root):
    assert plan(root, "separate", override="fused").deployments() == ()


def test_mapped_layout_moves_only_what_it_names(root):
    mapped = plan(root, {"pool": ["ensemble", "model:tiny-b"]})

    assert mapped.nodes("pool") == ("tiny:ensemble", "model:tiny-b")
    assert mapped.homes["model:tiny-a"] == INGRESS


def test_unknown_node_in_a_layout_is_named_with_the_known_ones(root):
    with pytest.raises(ConfigError, match=r"tiny.yaml: layout.pool: 'model:nope' is"):
        plan(root, {"pool": ["model:nope"]})


def test_further_models_are_served_by_the_ingress(root):
    assert plan(root, models=["tiny-a"]).homes["model:tiny-a"] == INGRESS


def test_pipeline_decides_where_its_members_live(root):
    homes = plan(root, {"pool": ["model:tiny-a"]}, models=["tiny-a"]).homes

    assert homes["model:tiny-a"] == "pool"


def test_pipelines_that_disagree_about_a_model_are_refused(root):
    spec = yaml.safe_load((root / "pipelines" / "tiny.yaml").read_text())
    spec |= {"id": "other", "layout": "separate"}
    (root / "pipelines" / "other.yaml").write_text(yaml.safe_dump(spec))

    with pytest.raises(ConfigError, match="puts model:tiny-a on 'model:tiny-a'"):
        plan_layout(load_catalogue(root), ["tiny", "other"], [])


def test_pool_takes_its_models_from_wherever_layouts_put_them(root):
    pooled = with_pools(plan(root, "separate"), {"shelf": ["tiny-a"]})

    homes = {pooled.home(f"model:tiny-a{word}") for word in ("", ":1", ":canary")}
    assert homes == {"shelf"}
    assert pooled.home("model:tiny-b") == "model:tiny-b"
    assert "model:tiny-a" not in pooled.deployments()
    assert "shelf" in pooled.deployments()


def test_models_that_come_later_live_where_every_model_does(root):
    pooled = with_pools(plan(root), {"shelf": []}, stray="shelf")

    assert pooled.home("model:new:2") == "shelf"
    assert pooled.home("tiny:preprocess") == INGRESS
    assert plan(root).home("model:new") is None


@pytest.mark.parametrize(
    ("pools", "message"),
    [
        ({"ingress": []}, "pools.ingress: another deployment of this layout"),
        ({"left": []}, "pools.left: another deployment of this layout"),
        ({"one": ["x"], "two": ["x"]}, "pools.two.models: x lives in one already"),
    ],
)
def test_pool_in_the_way_of_something_else_is_refused(root, pools, message):
    mapped = plan(root, {"left": ["model:tiny-a"]})

    with pytest.raises(ConfigError, match=message):
        with_pools(mapped, pools)
