"""What a request lets an ensemble get away with."""

import numpy as np
import pytest

from configs.rules import DegradeSpec, QuorumSpec, RulesSpec
from deployments.ensembles.allowance import (
    REFUSALS,
    RESERVE_S,
    STRICT,
    allowance,
    due_s,
    marks,
    may_degrade,
)
from deployments.errors import BackendFailed, InvalidInput
from deployments.messages import CALM, Request, Urgency

QUORUM = RulesSpec(quorum=QuorumSpec(members=2))
DEGRADE = RulesSpec(degrade=DegradeSpec(min_members=2))


def asked(**parameters):
    return Request("p", {"x": np.zeros((1, 1))}, parameters)


def test_ensemble_without_rules_needs_everybody():
    assert allowance(RulesSpec(), is_budget=False, may_degrade=True) == STRICT


@pytest.mark.parametrize("rules", [QUORUM, DEGRADE])
def test_request_that_forbids_it_needs_everybody(rules):
    assert allowance(rules, is_budget=True, may_degrade=False) == STRICT


def test_degrading_forgives_members_that_are_busy_but_none_that_is_broken():
    allowed = allowance(DEGRADE, is_budget=False, may_degrade=True)

    assert allowed.quorum == QuorumSpec(members=2)
    assert allowed.forgives == REFUSALS
    assert not issubclass(BackendFailed, allowed.forgives)


def test_quorum_forgives_whatever_happens_to_a_member():
    allowed = allowance(QUORUM, is_budget=False, may_degrade=True)

    assert issubclass(BackendFailed, allowed.forgives)
    assert not allowed.by_deadline


def test_budget_answers_with_whoever_is_in_time():
    allowed = allowance(RulesSpec(), is_budget=True, may_degrade=True)

    assert (allowed.quorum, allowed.by_deadline) == (QuorumSpec(members=1), True)


@pytest.mark.parametrize(
    ("said", "wanted"), [({}, True), ({"allow_degraded": False}, False)]
)
def test_degrading_is_allowed_unless_the_request_says_otherwise(said, wanted):
    assert may_degrade("p", asked(**said)) is wanted


def test_strange_wish_is_refused():
    with pytest.raises(
        InvalidInput, match="'allow_degraded' of 'p' must be true or fal"
    ):
        may_degrade("p", asked(allow_degraded="no"))


@pytest.mark.parametrize(
    ("urgency", "wanted"),
    [
        (CALM, None),
        (Urgency(deadline_s=5.0), 5.0 - RESERVE_S),
        (Urgency(deadline_s=5.0, timeout_s=1.0, asked_s=2.0), 3.0 - RESERVE_S),
    ],
)
def test_answer_leaves_before_the_first_of_its_dates(urgency, wanted):
    assert due_s(urgency) == wanted


def test_marks_say_who_had_a_say_and_why_not_everybody():
    runs = np.array([1, 2])

    assert marks(["a"], None, False, None) == {"ensemble_members": "a"}
    assert marks(["a", "b"], "overload", True, runs) == {
        "ensemble_members": "a,b",
        "ensemble_members_run": "1,2",
        "ensemble_partial": True,
        "ensemble_degraded": "overload",
    }
