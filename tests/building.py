"""`python -m tests.building CATALOGUE HOME`: a build in a process of its own."""

import sys
from pathlib import Path

from configs.catalogue import load_catalogue
from models.build import build
from models.store import Store
from models.workshop import Workshop

if __name__ == "__main__":
    catalogue, home = map(Path, sys.argv[1:])
    workshop = Workshop(
        load_catalogue(catalogue), Store(home / "store"), home / "cache"
    )
    print(sum(built.fresh for built in build(workshop)))  # noqa: T201 - for a person
