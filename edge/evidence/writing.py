"""Puts what stands behind a file beside it: evidence.json, pictures, and the whole page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.device import DeviceSpec
from edge.evidence.gathering import Found
from edge.evidence.page import evidence_sections, fronts_section
from edge.exporting.choice import Candidate
from edge.exporting.forms import EVIDENCE
from edge.exporting.page import page, verdict
from edge.exporting.times import times_section
from models.atomic import write_whole
from models.recipes.compare import Contender
from models.recipes.page import html


@dataclass(frozen=True, slots=True)
class Beside:
    """What is shown beside a chosen file; `found` None: made on another machine."""

    found: Found | None
    fronts: Mapping[str, Sequence[Contender]]
    chosen: Mapping[str, str]


def add(folder: Path, chosen: Candidate, device: DeviceSpec, beside: Beside) -> None:
    """Write all of it to `folder`, which holds the file already, and nothing of others."""
    found = beside.found
    for name in EVIDENCE:
        (folder / name).unlink(missing_ok=True)
    more = [
        *times_section(chosen.card, folder),
        *fronts_section(beside.fronts, beside.chosen, folder),
    ]
    if found is not None:
        more += evidence_sections(found, folder)
        told = json.dumps(found.evidence.model_dump(mode="json"), indent=1)
        _text(folder / "evidence.json", f"{told}\n")
    _text(folder / "report.md", page(chosen, device, more))
    title = f"{chosen.card.title}: {chosen.card.variant} for {device.id}"
    try:
        _text(folder / "report.html", html(title, [verdict(chosen, device), *more]))
    except ImportError:  # Markdown says the same
        (folder / "report.html").unlink(missing_ok=True)


def _text(file: Path, text: str) -> None:
    with write_whole(file) as written:
        written.write_text(text, encoding="utf-8")
