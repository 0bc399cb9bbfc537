"""Times by number of threads on the page of a file."""

from edge.exporting.times import times_section
from models.card import Card, LatencyFact
from models.litert.judge import thread_counts
from tests.fakes_litert import lite_card


def timed(*times, batch=1):
    """(threads, p50, p99) in ms."""
    return tuple(
        LatencyFact(batch_size=batch, threads=n, p50_ms=p50, p99_ms=p99, runs=60)
        for n, p50, p99 in times
    )


def card(*facts):
    machine = {"cpu": "Some CPU", "cores": "2"}
    return lite_card("int8").model_copy(update={"latency": facts, "machine": machine})


def test_one_to_four_threads_are_timed_as_far_as_there_are_cores():
    assert thread_counts(1) == (1,)
    assert thread_counts(2) == (1, 2)
    assert thread_counts(4) == (1, 2, 3, 4)


def test_every_core_is_timed_as_well():
    assert thread_counts(16) == (1, 2, 3, 4, 16)


def test_each_number_of_threads_is_a_row_beside_one_thread(tmp_path):
    facts = timed((2, 3.0, 4.0), (1, 4.0, 5.0)) + timed((1, 30.0, 31.0), batch=8)

    (section,) = times_section(card(*facts), tmp_path)

    assert list(section.rows) == [("1", "4", "5", "100%"), ("2", "3", "4", "75%")]
    assert "Some CPU" in section.text[0]
    assert "cores go (2)" in section.text[0]
    assert (tmp_path / str(section.picture)).read_bytes()[:4] == b"\x89PNG"


def test_one_number_of_threads_is_no_picture(tmp_path):
    (section,) = times_section(card(*timed((1, 4.0, 5.0))), tmp_path)

    assert section.picture is None
    assert list(tmp_path.iterdir()) == []


def test_old_card_with_one_thread_and_all_cores_is_still_shown(tmp_path):
    text = card(*timed((1, 4.0, 5.0), (16, 2.0, 2.5))).model_dump_json()

    (section,) = times_section(Card.model_validate_json(text), tmp_path)

    assert [row[0] for row in section.rows] == ["1", "16"]


def test_what_was_not_timed_has_no_section(tmp_path):
    assert list(times_section(card(), tmp_path)) == []
