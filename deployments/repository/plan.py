"""What a replica must do so that a model is served as it is wished. Pure.

The order makes before it breaks: what is new is loaded before requests are pointed at
it, what is old leaves when none are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployments.editions import Edition, Wish


@dataclass(frozen=True, slots=True)
class Host:
    """Let an edition live here."""

    edition: Edition


@dataclass(frozen=True, slots=True)
class Load:
    """Load an edition and wait for it."""

    key: str


@dataclass(frozen=True, slots=True)
class Point:
    """From now on these words stand for these editions, and no others do."""

    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Drop:
    """Answer what an edition still works on, then forget it."""

    key: str


Action = Host | Load | Point | Drop


@dataclass(frozen=True, slots=True)
class Held:
    """One model as it is on a replica now.

    `hosted`: the keys of its editions. `warm`: those that are loaded. `words`: what
    requests say, and the key they get. `done`: the wish that was met last.
    """

    hosted: frozenset[str] = frozenset()
    warm: frozenset[str] = frozenset()
    words: Mapping[str, str] = field(default_factory=dict)
    done: Wish | None = None


def plan(wish: Wish, held: Held) -> list[Action]:
    """What to do in this order; the first step that fails ends it."""
    if held.done == wish:
        return []
    wanted = {} if wish.presence == "unloaded" else _words(wish)
    kept = {*wanted.values()}
    new = [one for one in wish.editions if one.key in kept - held.hosted]
    actions: list[Action] = [Host(one) for one in new]
    actions += [Load(key) for key in _to_load(wish, held, wanted)]
    if wanted != held.words:
        actions.append(Point(wanted))
    return actions + [Drop(key) for key in sorted(held.hosted - kept)]


def _words(wish: Wish) -> dict[str, str]:
    keys = {one.version: one.key for one in wish.editions}
    return {word: keys[version] for word, version in wish.words.items()}


def _to_load(wish: Wish, held: Held, wanted: Mapping[str, str]) -> list[str]:
    """All, when somebody asked; else what replaces something that is loaded."""
    if wish.presence == "loaded":
        return sorted({*wanted.values()})
    replaced = {
        wanted[word]
        for word, key in held.words.items()
        if word in wanted and key in held.warm and wanted[word] not in held.warm
    }
    return sorted(replaced)
