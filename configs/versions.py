"""The files of a model's older versions, and what must hold between versions."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from configs.errors import ConfigError
from configs.model import ModelSpec
from configs.spec import read_spec
from configs.version_policy import VersionPolicySpec

APART = "@"
"""Between id and version in the name of such a file."""

ONLY_NEWEST = ("version_policy", "aliases")

Versions = Callable[[str], Mapping[int, ModelSpec]]


def parse_version(said: str) -> tuple[str, int | None]:
    """Id and version of `ID@VERSION`; None: of `ID` alone.

    Raises:
        ValueError: what stands behind the sign is no version.
    """
    name, apart, version = said.partition(APART)
    if apart and not (version.isascii() and version.isdigit() and int(version)):
        raise ValueError(f"{said}: a version is a whole number from 1, got {version!r}")
    return name, int(version) if apart else None


def version_file(folder: Path, spec: ModelSpec) -> Path:
    """Where an older version is or would be."""
    return folder / f"{spec.id}{APART}{spec.version}.yaml"


def read_older(
    folder: Path, newest: Mapping[str, ModelSpec]
) -> Mapping[str, tuple[ModelSpec, ...]]:
    """Every `ID@VERSION.yaml` of `folder`, by id, ascending.

    Raises:
        ConfigError: a file's name and content differ, its version is not older than that
            of `ID.yaml`, or it says what only that may say.
    """
    found: dict[str, list[ModelSpec]] = {}
    for file in sorted(folder.glob(f"*{APART}*.yaml")):
        spec = read_spec(file, ModelSpec)
        _check_name(file, folder, spec, newest)
        _check_is_plain(file, spec)
        found.setdefault(spec.id, []).append(spec)
    return MappingProxyType(
        {
            name: tuple(sorted(specs, key=lambda spec: spec.version))
            for name, specs in found.items()
        }
    )


def check_versions(
    folder: Path, newest: Mapping[str, ModelSpec], versions: Versions
) -> None:
    """Hold policies and aliases against the versions that exist.

    Raises:
        ConfigError: one names a version that does not exist, or that is not served.
    """
    for spec in newest.values():
        file, known = folder / f"{spec.id}.yaml", versions(spec.id)
        missing = spec.version_policy.missing(known)
        if missing:
            reason = f"there is no version {missing[0]}: {sorted(known)}"
            raise ConfigError(file, "version_policy.specific", reason)
        served = spec.version_policy.chosen(known)
        for alias, version in spec.aliases.items():
            if version not in served:
                reason = f"version {version} is not served: {list(served)}"
                raise ConfigError(file, f"aliases.{alias}", reason)


def _check_name(
    file: Path, folder: Path, spec: ModelSpec, newest: Mapping[str, ModelSpec]
) -> None:
    wanted = version_file(folder, spec)
    if file != wanted:
        raise ConfigError(file, "version", f"belongs into a file named {wanted.name}")
    if spec.id not in newest:
        raise ConfigError(file, "id", f"there is no {spec.id}.yaml")
    least = newest[spec.id].version
    if spec.version >= least:
        reason = f"must be below {least}, that of {spec.id}.yaml, got {spec.version}"
        raise ConfigError(file, "version", reason)


def _check_is_plain(file: Path, spec: ModelSpec) -> None:
    plain = {"version_policy": VersionPolicySpec(), "aliases": {}}
    for key in ONLY_NEWEST:
        if getattr(spec, key) != plain[key]:
            raise ConfigError(file, key, f"belongs into {spec.id}.yaml")
