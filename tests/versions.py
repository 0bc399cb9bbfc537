"""Older and newer versions of the tiny models, written into a tiny catalogue."""

from pathlib import Path

import yaml

from models.store import Store, digest
from tests.tiny_models import build_tiny_store, write_tiny_onnx


def add_version(root: Path, model: str, seed: int, **changes: object) -> None:
    """Make what `model` is now an older version, and other weights its newest one."""
    file = root / "models" / f"{model}.yaml"
    old = yaml.safe_load(file.read_text())
    version = old.get("version", 1)
    plain = {k: v for k, v in old.items() if k not in ("version_policy", "aliases")}
    older = root / "models" / f"{model}@{version}.yaml"
    older.write_text(yaml.safe_dump({**plain, "version": version}))
    weights = write_tiny_onnx(root.parent / f"{model}-{version + 1}.onnx", seed)
    pinned = {"uri": weights.resolve().as_uri(), "sha256": digest(weights)}
    newest = {**old, "version": version + 1, "weights": pinned, **changes}
    file.write_text(yaml.safe_dump(newest))


def edit(root: Path, model: str, **changes: object) -> None:
    """Change keys of a model's newest version."""
    file = root / "models" / f"{model}.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **changes}))


def build_again(root: Path, store: Store) -> None:
    """Build what was written since."""
    build_tiny_store(root, store.root)
