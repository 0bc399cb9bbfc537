"""How much a comparison measures."""

from benchmarks.peers.plan import FULL, QUICK

QUERIES_THAT_PROVE_P99 = 459
"""LoadGen's early-stopping criterion wants this many without a late one."""


def test_full_trial_is_long_enough_to_prove_the_percentile():
    assert FULL.proof
    assert FULL.trial_queries >= QUERIES_THAT_PROVE_P99


def test_full_plan_repeats_so_that_contenders_can_be_interleaved():
    assert FULL.repeats >= 2


def test_quick_plan_measures_less_and_claims_less():
    assert QUICK.trials * QUICK.trial_s < FULL.trials * FULL.trial_s
    assert not QUICK.proof
