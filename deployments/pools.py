"""Which models live in which pool of an application."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from configs.catalogue import Catalogue
from configs.errors import ConfigError
from configs.pool import EVERY, PoolSpec
from deployments.blueprint import Blueprint, draw_model
from deployments.editions import Wish
from deployments.layout import with_pools
from models.errors import NothingClears, NotServable, VariantNotFound
from models.store import Store


def into_pools(
    blueprint: Blueprint,
    catalogue: Catalogue,
    store: Store,
    pools: Mapping[str, PoolSpec],
) -> Blueprint:
    """The same application with its pools; further models of theirs are served too.

    Raises:
        ConfigError: a pool names an unknown model, two want one model or every model, or
            a pool has the name of another deployment.
        VariantNotFound: a model that a pool names was not built yet.
    """
    takers = [name for name, pool in pools.items() if EVERY in pool.models]
    if len(takers) > 1:
        reason = f"{takers[0]} takes every model already"
        raise ConfigError(Path("args"), f"pools.{takers[1]}.models", reason)
    named = {
        name: [model for model in pool.models if model != EVERY]
        for name, pool in pools.items()
    }
    wishes = dict(blueprint.wishes)
    for model in [model for models in named.values() for model in models]:
        if model not in wishes:
            wishes[model] = draw_model(catalogue, store, {}, model)
    for taker in takers:
        wishes |= _others(catalogue, store, wishes)
        placed = {model for models in named.values() for model in models}
        named[taker] += [model for model in wishes if model not in placed]
    new = {name: wish for name, wish in wishes.items() if name not in blueprint.wishes}
    return replace(
        blueprint,
        plan=with_pools(blueprint.plan, named, takers[0] if takers else None),
        models={**blueprint.models, **{n: w.default.spec for n, w in new.items()}},
        cards={**blueprint.cards, **{n: w.default.card for n, w in new.items()}},
        wishes=wishes,
        pools=dict(pools),
    )


def _others(
    catalogue: Catalogue, store: Store, known: Mapping[str, Wish]
) -> dict[str, Wish]:
    """The rest of the catalogue, as far as it can be served."""
    found: dict[str, Wish] = {}
    for name in catalogue.models:
        if name not in known:
            with suppress(VariantNotFound, NotServable, NothingClears):
                found[name] = draw_model(catalogue, store, {}, name)
    return found
