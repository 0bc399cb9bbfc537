import json
import math

from deployments.autoscaling.live import journal


def line(number, **rest):
    return {"kind": "decision", "at_s": float(number), "name": "m", **rest}


def test_lines_come_back_in_order(tmp_path):
    journal.append(tmp_path, [line(1), line(2)])
    journal.append(tmp_path, [line(3)])

    assert [one["at_s"] for one in journal.read(tmp_path)] == [1, 2, 3]


def test_ring_keeps_the_newest_and_stays_within_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "MOST_BYTES", 2000)
    for number in range(500):
        journal.append(tmp_path, [line(number)])

    files = list(tmp_path.iterdir())
    told = [one["at_s"] for one in journal.read(tmp_path)]
    assert len(files) <= journal.FILES
    assert sum(one.stat().st_size for one in files) <= journal.FILES * 2100
    assert told == list(range(500 - len(told), 500))
    assert len(told) > 50


def test_half_a_line_and_foreign_lines_are_left_out(tmp_path):
    journal.append(tmp_path, [line(1)])
    with journal.journal_file(tmp_path).open("a") as stream:
        stream.write('{"kind": "deci\n[1]\n{"other": 1}\n\x00\xff\n')
    journal.append(tmp_path, [line(2)])

    assert [one["at_s"] for one in journal.read(tmp_path)] == [1, 2]


def test_what_is_no_number_is_null_so_that_any_reader_can_read(tmp_path):
    journal.append(tmp_path, [line(1, point=math.nan, quantile=math.inf)])

    text = journal.journal_file(tmp_path).read_text()
    assert json.loads(text, parse_constant=lambda word: word)["point"] is None
    assert "NaN" not in text
    assert "Infinity" not in text


def test_no_journal_has_no_lines(tmp_path):
    assert list(journal.read(tmp_path / "none")) == []
