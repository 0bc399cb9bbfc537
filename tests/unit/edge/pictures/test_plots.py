"""Pictures hold the numbers that they are given."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from edge.pictures.drawn import drawn
from edge.pictures.plots import confusion, fronts, margins, threads
from models.recipes.compare import Contender, compare
from models.statistics import wilson


def row(variant, right, took_ms, size_bytes=1000):
    return Contender(
        model="m", variant=variant, dataset="d", top1=wilson(right, 100),
        drop_points=None, agreement=None, latency_ms=took_ms, size_bytes=size_bytes,
    )  # fmt: skip


def shown():
    rows = [row("a", 90, 1.0), row("b", 95, 4.0, 4000), row("c", 80, 5.0)]
    return {"mobile": tuple(compare((), None, rows)), "tpu": (row("a", 90, 0.1),)}


def numbers(drawn):
    """What matplotlib holds, as plain numbers."""
    return np.asarray(drawn).tolist()


def points(axes):
    """(x, y) and area by variant."""
    return {
        one.get_label(): (*numbers(one.get_offsets())[0], *numbers(one.get_sizes()))
        for one in axes.collections
        if isinstance(one, PathCollection)
    }


def test_every_variant_is_a_point_at_its_time_and_accuracy():
    figure = fronts(shown(), {"mobile": "b"})

    mobile, tpu = figure.axes
    found = points(mobile)
    assert {name: found[name][:2] for name in found} == {
        "a": (1, 90), "b": (4, 95), "c": (5, 80),
    }  # fmt: skip
    assert points(tpu)["a"][:2] == (0.1, 90)
    assert found["b"][2] > found["a"][2] == points(tpu)["a"][2]
    assert [axes.get_title() for axes in figure.axes] == ["mobile", "tpu"]


def test_line_goes_through_what_nothing_beats():
    mobile = fronts(shown(), {}).axes[0]

    (line,) = [one for one in mobile.get_lines() if one.get_linestyle() == "--"]
    assert numbers(line.get_xydata()) == [[1, 90], [4, 95]]


def test_intervals_are_those_of_the_shares():
    mobile = fronts({"mobile": (row("a", 90, 1.0),)}, {}).axes[0]

    ends = [np.asarray(path.vertices)[:, 1] for one in mobile.collections
            if not isinstance(one, PathCollection) for path in one.get_paths()]  # fmt: skip
    share = wilson(90, 100)
    assert ends[0].tolist() == pytest.approx([100 * share.low, 100 * share.high])


def test_every_variant_is_named_once():
    (legend,) = fronts(shown(), {}).legends

    assert sorted(text.get_text() for text in legend.get_texts()) == ["a", "b", "c"]


def test_confusion_is_drawn_as_shares_with_its_counts():
    counts = np.array([[8, 2], [1, 3]])

    figure = confusion({"teacher": counts, "file": counts[:, ::-1]}, ["cat", "dog"])

    first, second = figure.axes
    assert numbers(first.images[0].get_array()) == [[0.8, 0.2], [0.25, 0.75]]
    assert numbers(second.images[0].get_array()) == [[0.2, 0.8], [0.75, 0.25]]
    assert sorted(text.get_text() for text in first.texts) == ["1", "2", "3", "8"]
    assert (first.get_title(), second.get_title()) == ("teacher", "file")


def test_class_without_rows_is_no_division_by_zero():
    figure = confusion({"file": np.array([[0, 0], [1, 0]])}, ["cat", "dog"])

    assert numbers(figure.axes[0].images[0].get_array())[0] == [0, 0]


def test_many_classes_are_drawn_without_numbers():
    figure = confusion({"file": np.eye(50, dtype=int)}, [str(n) for n in range(50)])

    assert list(figure.axes[0].texts) == []


def test_distances_are_shares_of_each_group():
    every, differing = np.arange(100.0), np.array([0.5, 1.0])

    (axes,) = margins(every, differing, 2.0, "fp32").axes

    heights = [sum(bar.get_height() for bar in group) for group in axes.containers]
    assert heights == [pytest.approx(0.99), pytest.approx(1.0)]
    assert numbers(axes.get_lines()[0].get_xdata()) == [2.0, 2.0]


def test_times_are_points_with_whiskers_up_to_the_late_ones():
    (axes,) = threads([(1, 4.0, 5.0), (2, 3.0, 3.5)]).axes

    line, bars = axes.get_lines()[0], axes.collections[0]
    ends = [np.asarray(path.vertices)[:, 1].tolist() for path in bars.get_paths()]
    assert numbers(line.get_xydata()) == [[1, 4], [2, 3]]
    assert ends == [[4, 5], [3, 3.5]]


def test_picture_is_a_file(tmp_path):
    name = drawn(tmp_path / "x.png", "margins", np.ones(3), np.ones(1), 0.5, "fp32")

    assert name == "x.png"
    assert (tmp_path / "x.png").read_bytes()[:4] == b"\x89PNG"
