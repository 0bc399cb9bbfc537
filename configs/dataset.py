"""The Spec of one dataset."""

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from configs.model import Id, Sha256
from configs.spec import Spec


class DatasetSpec(Spec):
    """Photos or recordings for training, calibration, fitting and evaluation.

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
    labelled: bool = Field(
        True, description="False: every photo of `source`, for a teacher to tell of."
    )
    max_photos: int | None = Field(
        None, ge=1, description="Only the first so many; None: all."
    )

    @model_validator(mode="after")
    def _unlabelled_are_photos(self) -> "DatasetSpec":
        if not self.labelled and (self.format != "photos" or self.label_pattern):
            raise ValueError("labelled: false is for photos without label_pattern")
        return self

    @field_validator("label_pattern")
    @classmethod
    def _has_one_group(cls, pattern: str | None) -> str | None:
        if pattern is not None and re.compile(pattern).groups != 1:
            raise ValueError("label_pattern must have exactly one group")
        return pattern
