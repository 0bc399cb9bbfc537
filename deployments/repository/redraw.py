"""What the catalogue and the store say of one model now. Blocks: reads files."""

import logging
from collections.abc import Mapping

from configs.catalogue import Catalogue, load_catalogue
from configs.errors import ConfigError
from configs.model import ModelSpec
from configs.pipeline import MemberSpec, PipelineSpec
from configs.versions import check_versions
from deployments.blueprint import Blueprint, draw_model
from deployments.contracts import edition_contract
from deployments.editions import DEFAULT, Asked, Edition, Wish, draw_wish
from deployments.errors import LoadFailed, ModelNotFound
from deployments.layout import model_name
from deployments.repository.override import override, read_config
from models.errors import ModelError, StoreUnwritable
from models.pins import pin
from models.store import Store

COME_BACK_S = 5.0

log = logging.getLogger(__name__)


class Redraw:
    """Reads everything again each time; what was deployed says where models live."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint

    def model(self, name: str, config: Mapping[str, object] | None) -> Wish:
        """What is to be served under the name of a model.

        Raises:
            ModelNotFound: the catalogue has no such model.
            InvalidInput: `config` makes no sense.
            LoadFailed: the catalogue must be mended, a variant is missing, no deployment
                takes it, or it no longer fits a pipeline.
        """
        try:
            catalogue = load_catalogue(self._blueprint.catalogue)
            if name not in catalogue.models:
                raise ModelNotFound(name)
            if self._blueprint.plan.home(model_name(name)) is None:
                raise LoadFailed(name, "no deployment takes it", COME_BACK_S)
            wish = self._draw(catalogue, name, config)
            for one in wish.editions:  # what every front will read must be readable
                edition_contract(self._blueprint.store, one)
        except (ConfigError, ModelError) as error:
            raise LoadFailed(name, _told(error), COME_BACK_S) from error
        self._check_pipelines(wish)
        return wish

    def keep(self, wish: Wish) -> None:
        """Hold the files of `wish` against `headwater models gc`."""
        try:
            cards = [one.card for one in wish.editions]
            pin(Store(self._blueprint.store), cards)
        except StoreUnwritable as error:  # who may only read it removes nothing either
            log.warning("files in use are not marked: %s", error)

    def pipeline(self, name: str) -> None:
        """Hold a deployed pipeline against its file.

        Raises:
            LoadFailed: its file is not what was deployed.
        """
        try:
            found = load_catalogue(self._blueprint.catalogue).pipelines.get(name)
        except ConfigError as error:
            raise LoadFailed(name, _told(error), COME_BACK_S) from error
        if found != self._blueprint.pipelines[name]:
            reason = "its file is not what was deployed; deploy to change a pipeline"
            raise LoadFailed(name, reason, COME_BACK_S)

    def _draw(
        self, catalogue: Catalogue, name: str, config: Mapping[str, object] | None
    ) -> Wish:
        store = Store(self._blueprint.store)
        if config is None:
            return draw_model(catalogue, store, self._blueprint.pipelines, name)
        said = read_config(catalogue.models[name], config)
        versions = {
            number: override(spec, said)
            for number, spec in catalogue.versions(name).items()
        }
        newest = versions[max(versions)]
        _check_policy(catalogue, newest, versions)
        names_variant = said.parameters is not None and said.parameters.variant
        members = [] if names_variant else self._members(name)
        asked = Asked(catalogue.root, members)
        return draw_wish(store, versions, asked)

    def _members(self, name: str) -> list[tuple[str, MemberSpec]]:
        return [
            (pipeline.id, member)
            for pipeline in self._blueprint.pipelines.values()
            for member in pipeline.ensemble.members
            if member.model == name
        ]

    def _check_pipelines(self, wish: Wish) -> None:
        for pipeline, member in self._members(wish.name):
            version = member.version or wish.words[DEFAULT]
            found = [one for one in wish.editions if one.version == version]
            if not found:
                reason = f"pipeline {pipeline} needs version {version}"
                raise LoadFailed(wish.name, reason, COME_BACK_S)
            self._check_member(self._blueprint.pipelines[pipeline], member, found[0])

    def _check_member(
        self, pipeline: PipelineSpec, member: MemberSpec, new: Edition
    ) -> None:
        """What a pipeline was deployed with may change only in what it cannot see."""
        old, card = (
            self._blueprint.models[member.seat],
            self._blueprint.cards[member.seat],
        )
        seen = (old.inputs, old.outputs, old.front_end)
        limits = new.spec.batching
        rows = min(limits.max_batch_size, limits.max_queue_size)
        why = ""
        if (new.spec.inputs, new.spec.outputs, new.spec.front_end) != seen:
            why = "was deployed with other inputs, outputs or image"
        elif rows < pipeline.max_rows:
            why = f"takes {pipeline.max_rows} rows, this one {rows}"
        elif pipeline.ensemble.fits and new.card.model_file != card.model_file:
            why = "was fitted for another file"
        if why:
            reason = f"pipeline {pipeline.id} {why}; deploy to change both"
            raise LoadFailed(new.spec.id, reason, COME_BACK_S)


def _told(error: ConfigError | ModelError) -> str:
    """What a client may read: where the catalogue lies is not its business."""
    if not isinstance(error, ConfigError):
        return str(error)
    return ": ".join(
        part for part in (error.file.name, error.key, error.reason) if part
    )


def _check_policy(
    catalogue: Catalogue, newest: ModelSpec, versions: Mapping[int, ModelSpec]
) -> None:
    """A policy that was overridden must still serve what aliases stand for."""
    check_versions(
        catalogue.root / "models", {newest.id: newest}, lambda name: versions
    )
