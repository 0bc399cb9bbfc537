"""The Spec of one dataset."""

import re
from typing import Literal

from pydantic import Field, field_validator

from configs.model import Id, Sha256
from configs.spec import Spec


class DatasetSpec(Spec):
    """Labelled photos or recordings for calibration, fitting and evaluation.

    `source` is one of: `package://DIST@VERSION/GLOB` or `deb://NAME@VERSION/GLOB`, photos
    whose file names hold the class index (`label_pattern`, one group); a folder
    `file://DIR` with `labels.csv` (columns file, class_index); `catalogue://ARCHIVE/GLOB`,
    files inside a tar archive of the catalogue, labelled by their names; and, of format `idx`, any of
    the three schemes with a GLOB that fits two files, images and labels; of format
    `text`, plain UTF-8 files, for language models.
    """

    id: Id
    title: str
    licence: str
    source: str = Field(pattern=r"^(package|deb|file|catalogue)://.+")
    format: Literal["photos", "idx", "text"] = "photos"
    sha256: Sha256 | None = Field(
        None, description="Of the sorted names, hashes and labels; None: not pinned."
    )
    label_pattern: str | None = None
    max_photos: int | None = Field(
        None, ge=1, description="Only the first so many; None: all."
    )

    @field_validator("label_pattern")
    @classmethod
    def _has_one_group(cls, pattern: str | None) -> str | None:
        if pattern is not None and re.compile(pattern).groups != 1:
            raise ValueError("label_pattern must have exactly one group")
        return pattern
