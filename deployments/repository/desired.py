"""What operators asked for since the deploy, as one document with a revision. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from configs.model import ModelSpec
from deployments.editions import Edition, Wish, edition
from models.card import Card


@dataclass(frozen=True, slots=True)
class Desired:
    """What differs from the deploy.

    `wishes`: by model. `withdrawn`: pipelines taken away. `log_level`: the least that is
    written to logs; None: nobody has said.
    """

    revision: int = 0
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()
    log_level: int | None = None

    def over(self, deployed: Mapping[str, Wish]) -> dict[str, Wish]:
        """What is served under every model's name."""
        return {**deployed, **self.wishes}

    def wishing(self, *wishes: Wish) -> "Desired":
        """The same with these wishes in the place of older ones."""
        changed = {wish.name: wish for wish in wishes}
        return replace(self, wishes={**self.wishes, **changed})

    def next(self, before: "Desired") -> "Desired":
        """The same as the revision after `before`."""
        return replace(self, revision=before.revision + 1)

    def logging(self, level: int) -> "Desired":
        """The same with records written from `level` on."""
        return replace(self, log_level=level)

    def with_pipeline(self, name: str) -> "Desired":
        """The same with a pipeline served again."""
        return replace(self, withdrawn=self.withdrawn - {name})

    def without_pipeline(self, name: str) -> "Desired":
        """The same with a pipeline taken away."""
        return replace(self, withdrawn=self.withdrawn | {name})


def encode(desired: Desired) -> bytes:
    """The document as JSON."""
    told = {
        "revision": desired.revision,
        "withdrawn": sorted(desired.withdrawn),
        "log_level": desired.log_level,
        "wishes": {name: _told(wish) for name, wish in desired.wishes.items()},
    }
    return json.dumps(told).encode()


def decode(document: bytes) -> Desired:
    """What `encode` wrote."""
    told = json.loads(document)
    return Desired(
        told["revision"],
        {name: _wish(name, wish) for name, wish in told["wishes"].items()},
        frozenset(told["withdrawn"]),
        told.get("log_level"),  # documents of before it have none
    )


def _told(wish: Wish) -> dict[str, Any]:
    return {
        "editions": [
            {
                "spec": one.spec.model_dump(mode="json"),
                "card": one.card.model_dump(mode="json"),
            }
            for one in wish.editions
        ],
        "words": dict(wish.words),
        "presence": wish.presence,
        "serial": wish.serial,
    }


def _wish(name: str, told: Mapping[str, Any]) -> Wish:
    editions = tuple(_edition(one) for one in told["editions"])
    return Wish(name, editions, told["words"], told["presence"], told["serial"])


def _edition(told: Mapping[str, Any]) -> Edition:
    spec = ModelSpec.model_validate(told["spec"])
    return edition(spec, Card.model_validate(told["card"]))
