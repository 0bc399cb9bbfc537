"""Pages of a report, and what steps told as tables."""

from pathlib import Path

from models.recipes.page import Section, html, markdown
from models.recipes.told import cell, step_sections

SECTIONS = [Section("One", ("Text <b>.",), ("a", "b"), [("1|2", "<x>")], "p.png")]


def test_markdown_keeps_cells_apart():
    page = markdown("Title", SECTIONS)

    assert page == (
        "# Title\n\n## One\n\nText <b>.\n\n"
        "| a | b |\n| --- | --- |\n| 1\\|2 | <x> |\n\n![One](p.png)\n"
    )


def test_html_escapes_what_it_says():
    page = html("Title", SECTIONS)

    assert "<td>&lt;x&gt;</td>" in page
    assert "Text &lt;b&gt;." in page
    assert '<img src="p.png" alt="One">' in page


def test_facts_become_one_table_and_lists_tables_of_their_own(tmp_path: Path):
    trained = [{"epoch": n, "loss": 1 / n} for n in (1, 2, 3)]
    facts = {"best_epoch": 3, "curve": trained, "names": ["a"]}

    plain, curve = step_sections("Step 1: train", 1, facts, tmp_path)

    assert plain.rows == [("best epoch", "3"), ("names", '["a"]')]
    assert curve.title == "Step 1: train: curve"
    assert curve.rows[1] == ["2", "0.5"]
    assert (tmp_path / "step-1-curve.png").stat().st_size > 0


def test_long_tables_are_cut_and_say_so(tmp_path: Path):
    facts = {"tried": [{"n": n} for n in range(100)]}

    (tried,) = step_sections("Step 2", 2, facts, tmp_path)

    assert (len(tried.rows), tried.text) == (40, ("The first 40 of 100.",))


def test_interval_is_told_in_one_cell():
    assert cell({"value": 0.5, "low": 0.25, "high": 0.75}) == "0.5 (0.25 to 0.75)"
    assert len(cell({"x": "y" * 999})) == 160
