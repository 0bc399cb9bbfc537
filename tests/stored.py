"""Cards as a build would have written them, for tests of the store and of choices."""

import os
from pathlib import Path

from configs.model import ModelSpec
from models import machine
from models.card import (
    Card,
    FileFact,
    Interval,
    LatencyFact,
    Proportion,
    QualityFact,
)
from models.store import Store

DAY_S = 24 * 3600


def a_card(
    spec: ModelSpec, variant: str, model_file: FileFact, **facts: object
) -> Card:
    """A card of `spec` as its file is now, made on this machine."""
    assert spec.weights is not None
    card = Card(
        model=spec.id,
        version=spec.version,
        variant=variant,
        title=spec.title,
        licence=spec.licence,
        build_key="b" * 64,
        created="2026-01-02T03:04:05+00:00",
        model_file=model_file,
        inputs=spec.inputs,
        outputs=spec.outputs,
        image=spec.image,
        source_uri=spec.weights.uri,
        source_sha256=spec.weights.sha256,
        machine=machine.describe(),
    )
    return card.model_copy(update=facts)


def took(p50_ms: float, batch_size: int = 1) -> tuple[LatencyFact, ...]:
    """One latency row."""
    return (
        LatencyFact(
            batch_size=batch_size, threads=1, p50_ms=p50_ms, p99_ms=p50_ms, runs=9
        ),
    )


def lost(
    points: float, half: float, dataset: str = "photos"
) -> tuple[QualityFact, ...]:
    """One quality row: top-1 points lost, and how sure."""
    share = Proportion(value=0.9, low=0.85, high=0.95, n=100)
    drop = Interval(value=points, low=points - half, high=points + half)
    fact = QualityFact(
        dataset=dataset,
        dataset_sha256="d" * 64,
        top1=share,
        top5=share,
        agreement=Proportion(value=0.97, low=0.95, high=0.99, n=100),
        drop_points=drop,
        p_value=0.5,
    )
    return (fact,)


def add(store: Store, folder: Path, content: bytes) -> FileFact:
    """Store a file of this content."""
    file = folder / "content"
    file.write_bytes(content)
    return store.add_file(file)


def grow_old(path: Path, age_s: float = 2 * DAY_S) -> None:
    """Let a file, or every file of a folder, have been written so long ago."""
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    for file in files:
        written = file.stat().st_mtime - age_s
        os.utime(file, (written, written))
