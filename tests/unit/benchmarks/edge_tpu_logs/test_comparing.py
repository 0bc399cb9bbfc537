"""Predictions held to published reports."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.edge_tpu_logs.comparing import Score, held, total
from benchmarks.edge_tpu_logs.page import page
from benchmarks.edge_tpu_logs.proof import proved
from benchmarks.edge_tpu_logs.reports import Published
from edge.readiness.findings import MAPPED, SUBGRAPH, UNSUPPORTED, Finding
from models.litert.reading import read
from tests.tiny_lite import LiteFile

CURRENT = "16.0.384591198"


def report(*rows, version=CURRENT, **said):
    text = "\n".join(f"{name} {count} {status}" for name, count, status in rows)
    head = f"Edge TPU Compiler version {version}\n"
    return Published(source="here", report=f"{head}{text}\n", **said)


def findings(*rows):
    return tuple(Finding(name, 1, status) for name, n, status in rows for _ in range(n))


def test_prediction_like_the_report_is_right_in_all():
    rows = [
        ("CONV_2D", 3, MAPPED),
        ("HARD_SWISH", 1, UNSUPPORTED),
        ("RELU", 1, SUBGRAPH),
    ]

    found = held("net", findings(*rows), report(*rows))

    assert (found.mapped, found.fallen) == (Score(3, 3, 3), Score(2, 2, 2))
    assert (found.reasons.recall, found.disagreements, found.is_same) == (1.0, (), True)


def test_false_alarm_lowers_recall_of_mapped_and_precision_of_the_rest():
    found = held(
        "net",
        findings(("CONV_2D", 1, MAPPED), ("CONV_2D", 3, SUBGRAPH)),
        report(("CONV_2D", 4, MAPPED)),
    )

    assert (found.mapped.precision, found.mapped.recall) == (1.0, 0.25)
    assert (found.fallen.precision, found.fallen.recall) == (0.0, 1.0)
    assert found.disagreements == (
        f"CONV_2D: predicted 3 x {SUBGRAPH}; published 3 x {MAPPED}",
    )


def test_another_word_for_the_same_place_lowers_reasons_alone():
    found = held(
        "net", findings(("RELU", 1, SUBGRAPH)), report(("RELU", 1, UNSUPPORTED))
    )

    assert (found.fallen.recall, found.reasons.recall) == (1.0, 0.0)


def test_file_with_other_operators_is_told_apart():
    found = held(
        "net",
        findings(("CONV_2D", 2, MAPPED), ("PAD", 1, MAPPED)),
        report(("CONV_2D", 3, MAPPED)),
    )

    assert not found.is_same
    assert found.apart == ("CONV_2D -1", "PAD +1")


rows = st.lists(
    st.tuples(
        st.sampled_from(("CONV_2D", "RELU", "PAD")),
        st.integers(1, 9),
        st.sampled_from((MAPPED, SUBGRAPH, UNSUPPORTED)),
    ),
    min_size=1,
    unique_by=lambda row: (row[0], row[2]),
)


@given(rows, rows)
def test_scores_are_shares_and_add_up(said, true):
    found = held("net", findings(*said), report(*true))

    for score in (found.mapped, found.fallen, found.reasons):
        assert 0 <= score.right <= min(score.said, score.true)
        assert 0.0 <= score.precision <= 1.0
        assert 0.0 <= score.recall <= 1.0
    assert found.mapped.said + found.fallen.said == sum(n for _, n, _ in said)
    assert found.mapped.true + found.fallen.true == found.operators


@given(rows)
def test_only_a_prediction_without_difference_has_no_disagreement(true):
    found = held("net", findings(*true), report(*true))

    assert found.disagreements == ()
    assert found.reasons.right == Counter(dict.fromkeys("x", found.operators)).total()


class OneRelu:
    """Makes the same small file of every report."""

    def graphs(self, reports):
        file = LiteFile()
        first, last = (file.tensor((1, 8), "INT8", None, [0.1], [0]) for _ in range(2))
        file.op("RELU", [first], [last])
        return dict.fromkeys(reports, read(file.content([first], [last])))


REPORTS = {
    "alike": report(("RELU", 1, MAPPED), net="a:b", layers="there"),
    "learnt": report(("RELU", 1, MAPPED), net="a:b", layers="there", fitted=True),
    "other": report(("PAD", 1, MAPPED), net="a:b", layers="there"),
    "older": report(
        ("RELU", 1, UNSUPPORTED), net="a:b", layers="there", version="15.0.1"
    ),
    "ancient": report(("RELU", 1, UNSUPPORTED), net="a:b", layers="x", version="2.0.1"),
    "rows": report(("HARD_SWISH", 1, MAPPED)),
}


def test_networks_of_counted_reports_are_made_anew():
    found = proved(REPORTS, OneRelu())

    assert [one.name for one in found] == ["alike", "learnt", "other", "older"]
    assert [one.is_same for one in found] == [True, True, False, True]


def test_page_sums_what_is_the_same_file_and_names_the_rest():
    told = page(proved(REPORTS, OneRelu()), REPORTS)

    assert "| all 2 of the current compiler | 16 | 2 | 1.000 | 1.000 |" in told
    assert "| the 1 that no rule was learnt from | 16 | 1 |" in told
    assert "| all 3 | 14.1 to 16 | 3 | 0.667 | 1.000 | 1.000 | 0.000 |" in told
    assert "| other (another file) |" in told
    assert "- other is another file than the published: PAD -1, RELU +1" in told
    assert "- older: RELU: predicted 1 x Mapped" in told
    assert "- rows: HARD_SWISH is mapped, and the rules do not support it" in told


def test_nothing_adds_up_to_full_shares():
    assert total([]) == (Score(0, 0, 0),) * 3
    assert Score(0, 0, 0).precision == Score(0, 0, 0).recall == 1.0
