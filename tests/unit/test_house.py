"""Rules about the code itself."""

import importlib
import inspect
import pickle
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

import deployments.errors
import models.errors
import serve_app.cluster.errors
import serve_app.errors
from configs.catalogue import load_catalogue, packaged_catalogue
from configs.errors import ConfigError
from configs.spec import Spec
from deployments.errors import ServingError
from models.errors import ModelError
from serve_app.cluster.errors import ClusterError

ROOT = Path(__file__).parents[2]
PACKAGES = ("serve_app", "deployments", "models", "edge", "configs")
ROOTS: list[tuple[ModuleType, type[Exception]]] = [
    (deployments.errors, ServingError),
    (serve_app.errors, ServingError),
    (models.errors, ModelError),
    (serve_app.cluster.errors, ClusterError),
]
SAMPLES = {
    str: "word",
    int: 3,
    float: 2.5,
    Path: Path("file"),
    tuple[str, ...]: ("one", "two"),
}


def modules():
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    return [file for file in files if "_pb2" not in file.name]


def errors():
    leaves: list[type[Exception]] = [ConfigError]
    for module, root in ROOTS:
        leaves += [
            member
            for _, member in inspect.getmembers(module, inspect.isclass)
            if issubclass(member, root) and member is not root
        ]
    return leaves


def sample(kind):
    if kind.__init__ is Exception.__init__:
        return kind()
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    return kind(*(SAMPLES[parameter.annotation] for parameter in parameters))


@pytest.mark.parametrize("file", modules(), ids=lambda f: str(f.relative_to(ROOT)))
def test_module_is_at_most_300_lines(file):
    assert len(file.read_text().splitlines()) <= 300


@pytest.mark.parametrize("kind", errors(), ids=lambda kind: kind.__name__)
def test_error_survives_a_trip_between_processes(kind):
    error = sample(kind)

    twin = pickle.loads(pickle.dumps(error))

    assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))


def test_packaged_catalogue_loads():
    catalogue = load_catalogue(packaged_catalogue())

    assert "vision" in catalogue.pipelines


def specs(module_name):
    module = importlib.import_module(module_name)
    return [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Spec) and member.__module__ == module_name
    ]


@pytest.mark.parametrize(
    "spec",
    [
        spec
        for name in (
            "audio",
            "dataset",
            "model",
            "pipeline",
            "replica",
            "recipe",
            "rules",
            "steps",
        )
        for spec in specs(f"configs.{name}")
    ],
    ids=lambda s: s.__name__,
)
def test_every_key_of_a_spec_is_documented(spec):
    page = (ROOT / "docs" / "configuration.md").read_text()

    assert [key for key in spec.model_fields if f"`{key}`" not in page] == []


def test_no_example_is_judged_by_how_fast_this_machine_is():
    assert settings.default is not None
    assert settings.default.deadline is None
    assert HealthCheck.too_slow in settings.default.suppress_health_check


def test_every_package_is_in_the_wheel():
    found = {package.name for package in pkgutil.iter_modules([str(ROOT)])}

    assert set(PACKAGES) <= found
