"""Specs of what an ensemble does when members fail, are slow, or too much is asked."""

from pydantic import Field

from configs.spec import Spec


class QuorumSpec(Spec):
    """Who must have answered for an answer, when not everybody does.

    Fallback members count as well. Both numbers must be reached.
    """

    members: int = Field(1, ge=1, description="How many.")
    weight: float = Field(
        0.0, ge=0, le=1, description="Their share of the weight of all but fallbacks."
    )
    grace_ms: float | None = Field(
        None,
        ge=0,
        description="How long the others are waited for then; none: to their timeout.",
    )


class DegradeSpec(Spec):
    """Fewer members instead of a refusal when too much is asked.

    The pressure is the fuller of two shares: rows on their way to a member, of its
    queue, and how long members make wait, of `full_wait_ms`.
    """

    min_members: int = Field(1, ge=1, description="So many are always asked.")
    at_pressure: float = Field(
        0.5, ge=0, lt=1, description="From here on members are left out, at 1 all may."
    )
    full_wait_ms: float | None = Field(
        None, gt=0, description="None: only queues tell of pressure."
    )


class RulesSpec(Spec):
    """What every ensemble may say about failing, slow and overloaded members."""

    member_timeout_ms: float | None = Field(
        None, gt=0, description="A member that takes longer counts as failed."
    )
    quorum: QuorumSpec | None = Field(
        None, description="None: a member that fails fails the request."
    )
    degrade: DegradeSpec | None = Field(
        None, description="None: a member that refuses refuses the request."
    )
