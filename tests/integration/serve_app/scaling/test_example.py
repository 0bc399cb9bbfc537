"""The Serve file that shows autoscaling is one that `headwater up` takes."""

import pytest
import yaml

from configs.catalogue import packaged_catalogue
from configs.errors import ConfigError
from serve_app.app import AppArgs
from serve_app.cluster.serve_file import read_serve_file

EXAMPLE = packaged_catalogue() / "examples" / "serve_autoscaled.yaml"


def test_example_is_read_and_its_args_are_known():
    assert read_serve_file(EXAMPLE).applications == ("headwater",)

    (application,) = yaml.safe_load(EXAMPLE.read_text())["applications"]
    args = AppArgs.model_validate(application["args"])

    assert args.autoscaling is not None
    assert args.autoscaling.deployments["ingress"].max_replicas == 4


def test_file_without_the_policy_is_refused(tmp_path):
    content = yaml.safe_load(EXAMPLE.read_text())
    del content["applications"][0]["autoscaling_policy"]
    (tmp_path / "half.yaml").write_text(yaml.safe_dump(content))

    with pytest.raises(ConfigError, match="autoscaling needs policy_function"):
        read_serve_file(tmp_path / "half.yaml")
