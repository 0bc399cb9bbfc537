"""How often a teacher is asked."""

import pytest

from models.training.distillation import ANSWERS, VIEWS, view_count


@pytest.mark.parametrize(
    ("photos", "epochs", "views"),
    [
        (55_000, 30, VIEWS),
        (55_000, 2, 2),
        (440, 150, 150),
        (10_000, 150, ANSWERS // 10_000),
    ],
)
def test_few_photos_are_varied_more_often(photos, epochs, views):
    assert view_count(photos, epochs) == views
