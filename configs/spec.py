"""The base of every Spec, and the functions that read YAML into one."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from configs.errors import ConfigError


class Spec(BaseModel):
    """Frozen and strict: an unknown key is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


SpecType = TypeVar("SpecType", bound=Spec)


def read_spec(file: Path, kind: type[SpecType]) -> SpecType:
    """Read one Spec.

    Raises:
        ConfigError: the file is missing, is not YAML, or says something `kind` refuses.
    """
    content = read_mapping(file)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(file, _key(first["loc"]), _reason(first)) from error


def read_mapping(file: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        ConfigError: the file is missing, is not such a file, or says a key twice.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - safe
    except OSError as error:
        raise ConfigError(file, "", error.strerror or "cannot be read") from error
    except _SaidTwice as error:
        raise ConfigError(file, error.key, f"is said twice, {error.place}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: 2024-13-45, not UTF-8
        raise ConfigError(file, "", f"is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(file, "", "must be a mapping of keys to values")
    return content


class _SaidTwice(yaml.YAMLError):
    """A mapping holds a key for the second time."""

    def __init__(self, key: str, place: str) -> None:
        super().__init__(key, place)
        self.key, self.place = key, place


class _Loader(yaml.SafeLoader):
    """Makes plain values only; YAML's own rule for a key said twice is the last one."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                line = key.start_mark.line + 1
                raise _SaidTwice(str(key.value), f"again in line {line}")
            if isinstance(key, yaml.ScalarNode):
                seen.add((key.tag, key.value))
        return node


def _key(location: Iterable[int | str]) -> str:
    return ".".join(str(part) for part in location)


def _reason(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown key; see docs/configuration.md for the known ones"
    if error["type"] == "missing":
        return "is required"
    return f"{error['msg']}, got {error['input']!r}"
