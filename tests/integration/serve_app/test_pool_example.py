"""The Serve file that shows a pool is one that `headwater up` takes."""

import yaml

from configs.catalogue import packaged_catalogue
from serve_app.app import AppArgs
from serve_app.cluster.serve_file import read_serve_file

EXAMPLE = packaged_catalogue() / "examples" / "serve_pool.yaml"


def test_example_is_read_and_its_pool_has_a_deployment():
    assert read_serve_file(EXAMPLE).applications == ("headwater",)

    (application,) = yaml.safe_load(EXAMPLE.read_text())["applications"]
    args = AppArgs.model_validate(application["args"])

    deployments = {one["name"] for one in application["deployments"]}
    assert set(args.pools) == {"shelf"} <= deployments
    assert args.pools["shelf"].models == ("*",)
    assert args.pools["shelf"].pinned == ("efficientnet-lite0",)
