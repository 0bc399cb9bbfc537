"""What a deployment was made of: our code, the catalogue and the stored cards.

Ray Serve rebuilds an application when its file changes, not when the code or the models
behind it do. `headwater up` compares this instead.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

CODE = ("configs", "models", "deployments", "serve_app")


def revision_of(code: Path, catalogue: Path, store: Path) -> str:
    """A digest of everything a replica reads when it starts.

    Args:
        code: the folder that holds our packages.
        catalogue: the folder of the catalogue.
        store: the folder of the model store; its cards name its files by content.
    """
    files = [file for package in CODE for file in (code / package).rglob("*.py")]
    files += catalogue.rglob("*.yaml")
    files += store.glob("cards/*/*/*.json")
    files += store.glob("ensembles/*.json")
    files += store.glob("latency/*/*.json")  # what `variant: auto` decides on
    return _digest(files)


def _digest(files: Iterable[Path]) -> str:
    content = hashlib.sha256()
    for file in sorted(set(files)):
        content.update(f"{file}\0".encode())
        content.update(hashlib.sha256(file.read_bytes()).digest())
    return content.hexdigest()
