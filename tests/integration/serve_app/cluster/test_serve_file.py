"""The lint against the schema of the installed Ray Serve."""

from pathlib import Path

import pytest
import yaml

from configs.errors import ConfigError
from serve_app.cluster.serve_file import read_serve_file

PACKAGED = Path(__file__).parents[4] / "serve_config.yaml"


@pytest.fixture
def edited(tmp_path):
    def write(edit):
        content = yaml.safe_load(PACKAGED.read_text())
        edit(content)
        file = tmp_path / "serve.yaml"
        file.write_text(yaml.safe_dump(content))
        return file

    return write


def test_packaged_file_is_clean():
    read = read_serve_file(PACKAGED)

    assert read.applications == ("headwater",)
    assert (read.http_port, read.grpc_port) == (8000, 9000)


@pytest.mark.parametrize(
    ("edit", "key"),
    [
        (lambda c: c.update(application=[]), "application"),
        (lambda c: c["http_options"].update(prot=1), "http_options.prot"),
        (lambda c: c["applications"][0].update(arg={}), "applications.0.arg"),
        (
            lambda c: c["applications"][0]["deployments"][0].update(num_replica=2),
            "applications.0.deployments.0.num_replica",
        ),
        (
            lambda c: c["applications"][0]["deployments"][0][
                "ray_actor_options"
            ].update(cpus=2),
            "applications.0.deployments.0.ray_actor_options.cpus",
        ),
    ],
)
def test_key_that_ray_would_ignore_is_an_error(edited, edit, key):
    file = edited(edit)

    with pytest.raises(ConfigError) as refused:
        read_serve_file(file)

    assert str(refused.value).startswith(f"{file}: {key}: Ray Serve knows no such key")


def test_refused_value_is_named(edited):
    file = edited(lambda content: content["http_options"].update(port="door"))

    with pytest.raises(ConfigError, match=r"http_options\.port"):
        read_serve_file(file)


def test_packaged_file_serves_the_open_inference_protocol():
    assert read_serve_file(PACKAGED).serves_oip


def test_what_serve_cannot_change_is_read_with_its_defaults(edited):
    file = edited(lambda content: content["http_options"].pop("keep_alive_timeout_s"))

    fixed = read_serve_file(file).fixed

    names = ("grpc_options.port", "http_options.port", "proxy_location")
    assert [fixed[name] for name in names] == [9000, 8000, "EveryNode"]
    assert fixed["http_options.keep_alive_timeout_s"] == 90


def test_file_without_grpc_functions_has_no_grpc_door(edited):
    file = edited(
        lambda content: content["grpc_options"].pop("grpc_servicer_functions")
    )

    assert read_serve_file(file).grpc_port is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "is not YAML"),
        ("- 1", "must be a mapping"),
        ("", "must be a mapping"),
        ("a: 1\na: 2", "a: is said twice"),
    ],
)
def test_other_files_are_refused(tmp_path, text, reason):
    file = tmp_path / "serve.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=reason):
        read_serve_file(file)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no\.yaml: No such file"):
        read_serve_file(tmp_path / "no.yaml")
