"""Makes the members of pipelines that a recipe names, where the store lacks them."""

from collections.abc import Callable

from configs.pipeline import MemberSpec, PipelineSpec
from configs.recipe import RecipeSpec
from models.build import build_model
from models.choice import member_card
from models.collect import BUILT
from models.errors import BuildFailed, VariantNotFound
from models.fit import build_ensemble, member_cards, member_spec
from models.weights import ensemble_terms
from models.workshop import Workshop


class Members:
    """Sees to members and fitted numbers; `make` runs a recipe until it is stored."""

    def __init__(self, workshop: Workshop, make: Callable[[str], None]) -> None:
        self._workshop, self._make = workshop, make

    def see_to(self, recipe: RecipeSpec) -> None:
        """Make what is missing of the pipelines that `recipe`, or one it needs, names.

        What is stored stays as it is: a teacher is what is served.

        Raises:
            BelowBar: a member's own recipe does not store it.
            BuildFailed: a member is of an older version than its recipe makes.
            ModelError: a member cannot be made.
        """
        catalogue = self._workshop.catalogue
        for kind, name in recipe.references():
            if kind == "recipe":
                self.see_to(catalogue.recipes[name])
            elif kind == "pipeline":
                self._see_to_pipeline(catalogue.pipelines[name])

    def _see_to_pipeline(self, pipeline: PipelineSpec) -> None:
        for member in pipeline.ensemble.members:
            self._refuse_lost(pipeline, member)
        for member in pipeline.ensemble.members:
            self._see_to_member(member)
        cards = member_cards(self._workshop, pipeline)
        try:
            ensemble_terms(self._workshop.store, pipeline, cards)
        except VariantNotFound:
            build_ensemble(self._workshop, pipeline)

    def _refuse_lost(self, pipeline: PipelineSpec, member: MemberSpec) -> None:
        """Raise `BuildFailed` for an older version that is gone, before others are made."""
        catalogue = self._workshop.catalogue
        spec = member_spec(catalogue, member)
        variant, newest = member.variant or spec.variant, catalogue.models[spec.id]
        if spec.version == newest.version or variant in BUILT:
            return
        if self._is_stored(member):
            return
        wanted = f"{spec.id} {spec.version} {variant} is not stored and cannot be made"
        reason = f"{wanted}: recipes make the newest version, {newest.version}"
        raise BuildFailed(pipeline.id, "members", reason)

    def _see_to_member(self, member: MemberSpec) -> None:
        if self._is_stored(member):
            return
        workshop = self._workshop
        spec = member_spec(workshop.catalogue, member)
        variant = member.variant or spec.variant
        maker = workshop.catalogue.maker(spec.id, variant, spec.version)
        if maker is not None:
            self._make(maker.id)
        elif variant in BUILT:
            list(build_model(workshop.at(spec), spec))

    def _is_stored(self, member: MemberSpec) -> bool:
        spec = member_spec(self._workshop.catalogue, member)
        try:
            member_card(self._workshop.store, spec, member)
        except VariantNotFound:
            return False
        return True
