"""The Spec of shadows: variants that are asked beside a pipeline, for nobody."""

from pydantic import Field

from configs.model import Id, VariantName, Version
from configs.spec import Spec


class ShadowMemberSpec(Spec):
    """One stored variant of a model, such as the file that devices have."""

    model: Id
    variant: VariantName
    version: Version | None = Field(
        None, description="None: the one that requests get which name no version."
    )

    @property
    def name(self) -> str:
        """What counts and metrics call it."""
        return f"{self.model}/{self.variant}"


class ShadowSpec(Spec):
    """Who is asked after a reply was given, about which part of the requests."""

    members: tuple[ShadowMemberSpec, ...] = Field(min_length=1)
    fraction: float = Field(0.1, gt=0, le=1, description="Of the requests.")
    max_waiting_rows: int = Field(
        64, ge=1, description="On one replica; what would be more is dropped."
    )
    window_rows: int = Field(
        1000, ge=10, description="The last so many rows make the figures of drift."
    )
