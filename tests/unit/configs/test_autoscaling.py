import inspect
from datetime import date, time
from pathlib import Path

import pytest
from pydantic import ValidationError

from configs import autoscaling
from configs.autoscaling import AutoscalingSpec, ScheduleSpec, SpecialDaySpec
from configs.spec import Spec

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
SPECS = [
    member
    for _, member in inspect.getmembers(autoscaling, inspect.isclass)
    if issubclass(member, Spec) and member is not Spec
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.__name__)
def test_every_key_is_documented(spec):
    page = PAGE.read_text()

    assert [key for key in spec.model_fields if f"`{key}`" not in page] == []


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"min_replicas": 5, "max_replicas": 3}, "must not exceed max_replicas"),
        ({"mode": "predictive", "min_replicas": 0}, "hybrid may scale to zero"),
        ({"timezone": "Mars/Olympus"}, "a name like Europe/Berlin"),
        ({"mode": "magic"}, "Input should be"),
        ({"cost_ration": 3}, "Extra inputs"),
    ],
)
def test_what_makes_no_sense_is_refused(keys, reason):
    with pytest.raises(ValidationError, match=reason):
        AutoscalingSpec(**keys)


def test_schedule_may_not_exceed_the_maximum():
    span = ScheduleSpec(start=time(8), end=time(9), min_replicas=20)

    with pytest.raises(ValidationError, match="exceeds its max_replicas"):
        AutoscalingSpec(max_replicas=10, schedule=(span,))


def test_schedule_must_say_something():
    with pytest.raises(ValidationError, match="min_replicas or max_replicas"):
        ScheduleSpec(start=time(8), end=time(9))


def test_special_days_end_after_they_start():
    with pytest.raises(ValidationError, match="last must not be before first"):
        SpecialDaySpec(first=date(2026, 1, 2), last=date(2026, 1, 1), factor=2)
