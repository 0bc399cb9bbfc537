"""Which versions of a model are served; the words are those of Triton's `version_policy`."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from configs.spec import Spec


class VersionPolicySpec(Spec):
    """One of three: the newest so many (the default is one), certain ones, or all."""

    latest: int | None = Field(None, ge=1)
    specific: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(None, min_length=1)
    all: Literal[True] | None = None

    @model_validator(mode="after")
    def _says_one(self) -> "VersionPolicySpec":
        said = (self.latest, self.specific, self.all)
        if sum(one is not None for one in said) > 1:
            raise ValueError("must say one of latest, specific and all")
        return self

    def chosen(self, versions: Iterable[int]) -> tuple[int, ...]:
        """The versions to serve of those that exist, ascending."""
        ascending = sorted(versions)
        if self.all:
            return tuple(ascending)
        if self.specific is not None:
            return tuple(one for one in ascending if one in self.specific)
        return tuple(ascending[-(self.latest or 1) :])

    def missing(self, versions: Iterable[int]) -> tuple[int, ...]:
        """The versions it names that do not exist."""
        return tuple(sorted({*(self.specific or ())} - {*versions}))
