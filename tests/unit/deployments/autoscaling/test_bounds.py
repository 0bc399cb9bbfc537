from datetime import date, datetime, time, timezone

import numpy as np
import pytest

from configs.autoscaling import CalendarSpec, ScheduleSpec, SpecialDaySpec
from deployments.autoscaling.bounds import bounds_at, within_budget
from tests.fakes_autoscaling import spec

NO_DAYS = CalendarSpec()


def at(day, hour):
    # 2 November 2026 is a Monday.
    return int(datetime(2026, 11, day, hour, tzinfo=timezone.utc).timestamp())


@pytest.mark.parametrize(("day", "hour", "least"), [(2, 8, 5), (2, 7, 1), (7, 8, 1)])
def test_schedule_raises_the_minimum_on_its_days_and_hours(day, hour, least):
    span = ScheduleSpec(
        days=("mon", "tue"), start=time(8), end=time(18), min_replicas=5
    )

    assert bounds_at(spec(schedule=(span,)), NO_DAYS, at(day, hour)).least == least


@pytest.mark.parametrize(("day", "hour", "most"), [(2, 23, 3), (3, 5, 3), (4, 5, 100)])
def test_schedule_may_span_midnight(day, hour, most):
    span = ScheduleSpec(days=("mon",), start=time(22), end=time(6), max_replicas=3)

    assert bounds_at(spec(schedule=(span,)), NO_DAYS, at(day, hour)).most == most


def test_schedule_is_meant_in_its_timezone():
    span = ScheduleSpec(start=time(8), end=time(9), min_replicas=5)
    local = spec(schedule=(span,), timezone="Europe/Berlin")

    assert bounds_at(local, NO_DAYS, at(2, 7)).least == 5


def test_special_day_multiplies_the_forecast():
    sale = SpecialDaySpec(first=date(2026, 11, 3), last=date(2026, 11, 4), factor=2.5)
    days = CalendarSpec(special_days=(sale,))

    found = [bounds_at(spec(), days, at(day, 12)).factor for day in (2, 3, 4, 5)]

    assert found == [1, 2.5, 2.5, 1]


def test_budget_takes_the_least_useful_replicas_first():
    kept = within_budget(
        np.array([5, 5]),
        np.array([1, 1]),
        np.array([1.0, 1.0]),
        7.0,
        lambda row, replicas: (10 - replicas) * (1 + row),
    )

    assert kept.tolist() == [2, 5]


def test_budget_never_goes_below_the_minimum():
    kept = within_budget(
        np.array([5, 5]), np.array([4, 4]), np.ones(2), 2.0, lambda row, count: 1.0
    )

    assert kept.tolist() == [4, 4]
