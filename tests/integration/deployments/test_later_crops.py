"""A cascade of photo classifiers makes the crops of later members only when needed."""

import numpy as np
import pytest
import yaml

from configs.catalogue import load_catalogue
from deployments.blueprint import draw
from deployments.ensembles.node import Ensemble
from deployments.layout import INGRESS
from deployments.messages import Request
from models.build import build
from models.store import Store
from models.workshop import Workshop
from tests.plans import open_graphs
from tests.tiny_vision import make_tiny_vision

NEVER, ALWAYS = 2.0, 0.0


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two members with crops of their own."""
    root = make_tiny_vision(tmp_path_factory.mktemp("later"))
    file = root / "models" / "eye-b.yaml"
    content = yaml.safe_load(file.read_text())
    content["image"]["margin_px"] = 2
    file.write_text(yaml.safe_dump(content))
    catalogue, store = load_catalogue(root), Store(root.parent / "store")
    list(build(Workshop(catalogue, store, root.parent / "cache"), ["eye-a", "eye-b"]))
    return root


def photos(root):
    files = sorted((root.parent / "colours").glob("*.png"))
    contents = np.empty(len(files), np.object_)
    contents[:] = [file.read_bytes() for file in files]
    return Request("eyes", {"image": contents})


def serve(root, threshold, layout=None, **said):
    file = root / "pipelines" / "eyes.yaml"
    content = yaml.safe_load(file.read_text())
    members = [{"model": "eye-a"}, {"model": "eye-b"}]
    cascade = {"strategy": "cascade", "order": "listed", "thresholds": [threshold]}
    content |= {"ensemble": {"members": members, **(said or cascade)}, "max_rows": 32}
    file.write_text(yaml.safe_dump(content))
    blueprint = draw(load_catalogue(root), Store(root.parent / "store"), layout=layout)
    return open_graphs(blueprint)


def ensemble(graphs):
    return next(
        node
        for graph in graphs.values()
        if isinstance(node := graph.node("eyes:ensemble"), Ensemble)
    )


async def answer(graphs, root):
    reply = await graphs[INGRESS].pipeline("eyes").infer(photos(root))
    for graph in graphs.values():
        await graph.close()
    return reply


@pytest.mark.parametrize(("threshold", "spared"), [(ALWAYS, 24), (NEVER, 0)])
async def test_crops_are_made_for_the_rows_that_go_on(root, threshold, spared):
    graphs = serve(root, threshold)

    await answer(graphs, root)

    assert ensemble(graphs).stats.crops_spared == spared


async def test_answers_are_those_of_a_layout_where_every_crop_is_made(root):
    fused, separate = serve(root, 0.55), serve(root, 0.55, layout="separate")

    here, there = await answer(fused, root), await answer(separate, root)

    assert here.parameters == there.parameters
    for name, tensor in there.outputs.items():
        np.testing.assert_array_equal(here.outputs[name], tensor)
    spared = ensemble(fused).stats.crops_spared
    assert 0 < spared == ensemble(fused).stats.exits[1] < 24
    assert ensemble(separate).stats.crops_spared == 0


async def test_vote_of_all_makes_every_crop_at_once(root):
    graphs = serve(root, NEVER, strategy="soft_vote")

    await answer(graphs, root)

    assert ensemble(graphs).stats.crops_spared == 0
