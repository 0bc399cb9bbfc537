"""The photo a new installation shows its first answer with."""

from pathlib import Path

from pydantic import Field

from configs.model import Artefact, Id
from configs.spec import Spec, read_spec


class DemoSpec(Spec):
    """One photo and the pipeline that labels it."""

    title: str
    licence: str
    photo: Artefact
    file_name: str = Field(pattern=r"^[a-z0-9_-]+\.(jpg|png|webp|bmp)$")
    pipeline: Id


def packaged_demo() -> DemoSpec:
    """The demo that comes with Headwater."""
    return read_spec(Path(__file__).parent / "demo.yaml", DemoSpec)
