"""Reading a Spec from YAML: what is refused, and with which words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from configs.errors import ConfigError
from configs.spec import Spec, read_spec


class Inner(Spec):
    size: int = Field(1, ge=1)


class Outer(Spec):
    id: str
    inner: Inner = Inner()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "outer.yaml"


def test_file_is_read_into_its_spec(file):
    file.write_text("id: a\ninner: {size: 3}\n")

    assert read_spec(file, Outer) == Outer(id="a", inner=Inner(size=3))


@pytest.mark.parametrize(
    ("content", "key", "reason"),
    [
        ("id: a\nsizee: 1\n", "sizee", "unknown key"),
        ("id: a\ninner: {rows: 1}\n", "inner.rows", "unknown key"),
        ("inner: {size: 1}\n", "id", "is required"),
        (
            "id: a\ninner: {size: 0}\n",
            "inner.size",
            "greater than or equal to 1, got 0",
        ),
        ("id: a\ninner: {size: big}\n", "inner.size", "got 'big'"),
    ],
)
def test_wrong_content_names_the_file_and_the_key(file, content, key, reason):
    file.write_text(content)

    with pytest.raises(ConfigError) as refused:
        read_spec(file, Outer)

    assert refused.value.key == key
    assert str(refused.value).startswith(f"{file}: {key}: ")
    assert reason in str(refused.value)


@pytest.mark.parametrize("content", ["", "- a\n", "just words\n", "42\n"])
def test_content_that_is_no_mapping_is_refused(file, content):
    file.write_text(content)

    with pytest.raises(ConfigError, match="must be a mapping"):
        read_spec(file, Outer)


def test_broken_yaml_is_refused(file):
    file.write_text("id: [a\n")

    with pytest.raises(ConfigError, match="is not YAML"):
        read_spec(file, Outer)


@pytest.mark.parametrize(
    ("content", "key", "line"),
    [
        ("id: a\nid: b\n", "id", 2),
        ("id: a\ninner:\n  size: 3\n  size: 4\n", "size", 4),
        ("id: a\ninner: {size: 3, size: 3}\n", "size", 2),
    ],
)
def test_key_said_twice_is_refused(file, content, key, line):
    file.write_text(content)

    with pytest.raises(ConfigError) as refused:
        read_spec(file, Outer)

    assert str(refused.value) == f"{file}: {key}: is said twice, again in line {line}"


def test_key_may_replace_what_a_merge_brought(file):
    file.write_text("id: a\ninner: {<<: {size: 3}, size: 4}\n")

    assert read_spec(file, Outer).inner.size == 4


def test_missing_file_is_named(file):
    with pytest.raises(ConfigError, match=r"outer\.yaml: No such file"):
        read_spec(file, Outer)


@pytest.mark.parametrize("value", ["2024-13-45", "!!int abc", "!!binary é"])
def test_value_that_yaml_cannot_read_is_refused(file, value):
    file.write_text(f"id: {value}\n")

    with pytest.raises(ConfigError, match="is not YAML"):
        read_spec(file, Outer)


def test_yaml_cannot_make_objects(file):
    file.write_text("id: !!python/object/apply:os.getcwd []\n")

    with pytest.raises(ConfigError, match="is not YAML"):
        read_spec(file, Outer)


def test_spec_cannot_be_changed():
    with pytest.raises(ValidationError):
        Outer(id="a").id = "b"  # type: ignore[misc]


@given(content=st.text(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(content.encode("utf-8", "replace"))

    try:
        read = read_spec(file, Outer)
    except ConfigError:
        return
    assert isinstance(read, Outer)
