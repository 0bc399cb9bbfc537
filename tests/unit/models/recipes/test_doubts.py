"""What rows that are too few cannot tell is said."""

from models.card import Interval, QualityFact
from models.recipes.doubts import doubts
from models.statistics import Paired, drop_points, wilson


def judged(rows, lost=None):
    return QualityFact(
        dataset="photos", dataset_sha256="0" * 64,
        top1=wilson(9 * rows // 10, rows), top5=wilson(rows, rows), drop_points=lost,
    )  # fmt: skip


def test_twenty_photos_without_a_difference_do_not_tell_a_point():
    (told,) = doubts([judged(20, drop_points(Paired(20, 0, 0)))])

    assert told.startswith(
        "20 rows of photos tell the top-1 that was lost (-8.9 to +8.9 points) to within 8.9"
    )
    assert "too few to tell a loss of 1 point" in told
    assert "--data FOLDER" in told


def test_interval_that_is_said_is_the_one_that_was_measured():
    (told,) = doubts([judged(100, Interval(value=1, low=-2.5, high=4.5))])

    assert "lost (-2.5 to +4.5 points) to within 3.5 points" in told


def test_rows_that_tell_a_point_leave_no_doubt():
    assert doubts([judged(10_000, drop_points(Paired(10_000, 40, 42)))]) == ()


def test_share_alone_is_doubted_by_its_own_interval():
    (told,) = doubts([judged(300)])

    assert "300 rows of photos tell top-1 (86.1% to 92.9%) to within 3.4 points" in told
