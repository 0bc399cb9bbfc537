"""The served versions of a model: Specs and cards together, and the words for them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from configs.errors import ConfigError
from configs.model import ModelSpec
from configs.pipeline import MemberSpec
from models.card import Card
from models.choice import member_card
from models.store import Store

DEFAULT = ""
"""The word of a request that names no version."""

STABLE = "stable"
"""The alias that such requests follow, where there is one."""

NOT_HOSTED = {"title", "licence", "version_policy", "aliases"}
"""Keys of a Spec that change nothing about how a version is run."""

Presence = Literal["lazy", "loaded", "unloaded"]


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of a model as it is run; another Spec or file makes another `key`."""

    key: str
    spec: ModelSpec
    card: Card

    @property
    def version(self) -> int:
        """Its number."""
        return self.spec.version


@dataclass(frozen=True, slots=True)
class Wish:
    """What is served under the name of one model.

    `editions`: one a version, ascending. `words`: what clients may say for a version.
    `presence`: `lazy` is up to the pool, the others were asked for. `serial`: grows with
    each time that somebody asked.
    """

    name: str
    editions: tuple[Edition, ...]
    words: Mapping[str, int]
    presence: Presence = "lazy"
    serial: int = 0

    def version(self, number: int) -> Edition:
        """The edition of one version that is served."""
        return next(one for one in self.editions if one.version == number)

    @property
    def default(self) -> Edition:
        """What a request without a version gets."""
        return self.version(self.words[DEFAULT])


@dataclass(frozen=True, slots=True)
class Asked:
    """What pipelines want of one model: by the pipeline's id, its members."""

    root: Path
    members: Sequence[tuple[str, MemberSpec]] = field(default_factory=tuple)


def edition(spec: ModelSpec, card: Card) -> Edition:
    """One version with the key that only this Spec and this file have."""
    told = spec.model_dump_json(exclude=NOT_HOSTED) + card.model_file.sha256
    if card.prefers is not None:  # another runtime is another backend to load
        told += card.prefers.runtime + card.prefers.created
    mark = hashlib.sha256(told.encode()).hexdigest()[:8]
    return Edition(f"{spec.id}:{spec.version}#{mark}", spec, card)


def draw_wish(store: Store, versions: Mapping[int, ModelSpec], asked: Asked) -> Wish:
    """What the catalogue says is served of one model.

    Args:
        store: where its variants are.
        versions: every version, of which the newest says what is served.
        asked: what its pipelines want.

    Raises:
        ConfigError: pipelines want different variants, or a version not served.
        VariantNotFound: one was never built, or from another source.
        NotServable: no replica can open its form.
        NothingClears: a member says `auto` and no variant is good enough.
    """
    newest = versions[max(versions)]
    words = words_of(newest, versions)
    served = sorted({*words.values()})
    _check_members(newest.id, asked, served)
    editions = []
    for version in served:
        wanted = [
            (pipeline, member)
            for pipeline, member in asked.members
            if version == (member.version or words[DEFAULT])
        ]
        card = _card(store, versions[version], replace(asked, members=wanted))
        editions.append(edition(versions[version], card))
    return Wish(newest.id, tuple(editions), words)


def words_of(newest: ModelSpec, versions: Mapping[int, ModelSpec]) -> dict[str, int]:
    """What clients may say for the versions that are served."""
    served = newest.version_policy.chosen(versions)
    default = newest.aliases.get(STABLE, served[-1])
    return {DEFAULT: default, **{str(v): v for v in served}, **newest.aliases}


def _check_members(model: str, asked: Asked, served: Sequence[int]) -> None:
    for pipeline, member in asked.members:
        if member.version is not None and member.version not in served:
            file = asked.root / "pipelines" / f"{pipeline}.yaml"
            reason = f"{model} version {member.version} is not served: {list(served)}"
            raise ConfigError(file, "ensemble.members", reason)


def _card(store: Store, spec: ModelSpec, asked: Asked) -> Card:
    """The card of the one variant in which a version is served."""
    cards = [(name, member_card(store, spec, one)) for name, one in asked.members]
    if len({card.variant for _, card in cards}) > 1:
        told = ", ".join(f"{card.variant} by {name}" for name, card in cards)
        reason = f"{spec.id} is served in one variant, asked for are {told}"
        raise ConfigError(asked.root / "pipelines", "ensemble.members", reason)
    return cards[0][1] if cards else member_card(store, spec, None)
