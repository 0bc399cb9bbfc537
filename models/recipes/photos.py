"""Photos of one's own in the place of those that a recipe is judged on."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from configs.catalogue import Catalogue
from configs.dataset import DatasetSpec


def judged_on(catalogue: Catalogue, recipe: str, folders: Sequence[Path]) -> Catalogue:
    """`catalogue` with `recipe` judged on `folders`, each with a labels.csv.

    A folder of the name of a dataset takes its place.
    """
    spec = catalogue.recipes[recipe]
    named = {_id(folder): folder.resolve() for folder in folders}
    added = {
        name: DatasetSpec(
            id=name, title=name, licence="not said", source=f"file://{folder}"
        )
        for name, folder in named.items()
    }
    data = spec.data.model_copy(update={"evaluation": tuple(named)})
    changed = spec.model_copy(update={"data": data})
    return replace(
        catalogue,
        datasets={**catalogue.datasets, **added},
        recipes={**catalogue.recipes, recipe: changed},
    )


def _id(folder: Path) -> str:
    """The folder's name as an id."""
    return (
        re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or "photos"
    )
