"""An ensemble from its Spec, what was fitted for it, and its members."""

from collections.abc import Mapping, Sequence

from configs.pipeline import CascadeSpec, PipelineSpec
from deployments.ensembles.cascade import Ladder
from deployments.ensembles.chooser import Worth
from deployments.ensembles.member import Member
from deployments.ensembles.node import Ensemble, Manner
from models.weights import Terms


def open_ensemble(
    spec: PipelineSpec,
    terms: Terms,
    members: Sequence[Member],
    lanes: Mapping[str, int],
) -> Ensemble:
    """The node of `spec`'s ensemble.

    Args:
        spec: a pipeline.
        terms: what it votes by, as `models.weights` found it.
        members: in the order of the spec.
        lanes: threads by the home of members.
    """
    ladder = None
    if isinstance(spec.ensemble, CascadeSpec):
        thresholds = (*terms.thresholds, 0.0)
        ladder = Ladder(terms.order, thresholds, spec.ensemble.confidence)
    manner = Manner(
        spec.ensemble.strategy, spec.ensemble, ladder, Worth(terms.values, lanes)
    )
    return Ensemble(spec.id, members, manner)
