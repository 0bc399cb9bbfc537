import pytest

from deployments.autoscaling.errors import PolicyUnknown
from deployments.autoscaling.prior import packaged_priors
from deployments.autoscaling.replay.runner import Case, replay
from tests.fakes_autoscaling import trace


def silent(done, total):
    pass


@pytest.mark.parametrize(
    ("policy", "start_s", "late_percent", "replica_s", "best_s"),
    [
        ("ray-default", 10, 10.7149, 535557, 27875),
        ("ray-tuned", 10, 5.7666, 153589, 27875),
        ("knative", 10, 5.4454, 114637, 27875),
        ("hpa", 10, 15.7861, 64543, 27875),
        ("ray-default", 40, 12.2894, 738597, 31116),
        ("ray-tuned", 40, 13.9881, 298150, 31116),
        ("knative", 40, 13.9003, 216688, 31116),
        ("hpa", 40, 17.8561, 48593, 31116),
    ],
)
def test_baselines_do_what_an_independent_simulator_says(
    policy, start_s, late_percent, replica_s, best_s
):
    """The numbers come from another implementation, given the same arrivals."""
    case = Case(trace(burst_every_s=700), start_s)

    found = replay(case, policy, None, silent)

    assert found.violations_percent == pytest.approx(late_percent, abs=1e-4)
    assert found.replica_seconds == replica_s
    assert found.oracle_replica_seconds == best_s


def test_first_hour_with_a_prior_lets_few_wait_and_costs_little():
    found = replay(Case(trace(), 10), "headwater", packaged_priors(), silent)

    assert found.violations_percent <= 0.2
    assert found.cost_vs_oracle <= 1.2


@pytest.mark.parametrize("start_s", [10, 40])
def test_capacity_believed_a_fifth_too_high_costs_at_most_three_tenths(start_s):
    right = replay(Case(trace(), start_s), "headwater", packaged_priors(), silent)

    wrong = replay(Case(trace(), start_s, 0.2), "headwater", packaged_priors(), silent)

    assert wrong.violations_percent <= right.violations_percent + 0.3


def test_capacity_believed_a_fifth_too_low_costs_little():
    right = replay(Case(trace(), 10), "headwater", packaged_priors(), silent)

    wrong = replay(Case(trace(), 10, -0.2), "headwater", packaged_priors(), silent)

    assert wrong.cost_vs_oracle <= 1.1 * right.cost_vs_oracle


def test_unknown_policy_is_refused_with_the_known_ones():
    with pytest.raises(PolicyUnknown, match="magic: no such policy; there are static"):
        replay(Case(trace(), 10), "magic", None, silent)
