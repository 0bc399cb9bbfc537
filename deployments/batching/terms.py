"""What a request's urgency means in the queue of one model. Pure."""

from configs.model import BatchingSpec
from deployments.batching.waiting import NEVER, Waiting
from deployments.messages import Urgency


def has_policy(limits: BatchingSpec) -> bool:
    """Whether a request has terms although it asks for none."""
    return limits.priority_levels > 1 or limits.policy(1).default_timeout_us is not None


def set_terms(item: Waiting, urgency: Urgency, limits: BatchingSpec) -> None:
    """Say on `item` which level, deadline and timeout it has.

    A client's own `timeout` is a deadline, unless the policy of its level lets it take
    the place of the default timeout; it can only shorten that.
    """
    item.level = limits.level(urgency.priority)
    policy, own_s = limits.policy(item.level), urgency.timeout_s
    due_s = NEVER if urgency.deadline_s is None else urgency.deadline_s
    waits_s = NEVER
    if policy.default_timeout_us is not None:
        waits_s = policy.default_timeout_us / 1e6
    if own_s is not None and policy.allow_timeout_override:
        waits_s = min(waits_s, own_s)
    elif own_s is not None:
        due_s = min(due_s, urgency.asked_s + own_s)
    item.deadline_s, item.expires_s = due_s, item.arrived_s + waits_s
