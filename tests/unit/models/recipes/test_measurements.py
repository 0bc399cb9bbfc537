"""The table of a report in which a piece stands beside its reference."""

from models.card import Interval, MeasuredFact, Proportion, SpeedFact, TextFact
from models.recipes.judged import Judged
from models.recipes.measurements import measured_section

SHA256 = "0" * 64


def text(perplexity, rise=None):
    task = Proportion(value=0.5, low=0.4, high=0.6, n=100)
    return TextFact(
        dataset="speeches",
        dataset_sha256=SHA256,
        tokens=1000,
        perplexity=Interval(value=perplexity, low=perplexity - 1, high=perplexity + 1),
        rise=rise,
        accuracy={"next-token": task},
    )


def judged(name, perplexity, tokens_per_s, **more):
    measured = MeasuredFact(
        peak_memory_bytes=4_000_000,
        text=(text(perplexity, more.pop("rise", None)),),
        speed=(SpeedFact(concurrency=8, tokens_per_s=tokens_per_s),),
    )
    return Judged(
        name=name, form="llm", size_bytes=2_000_000, measured=measured, **more
    )


def test_every_number_of_a_language_model_stands_beside_its_references():
    rise = Interval(value=0.1, low=0.05, high=0.15)
    piece = judged("int8", 33, 80.0, rise=rise, reference=judged("bf16", 30, 50.0))

    section = measured_section(piece)

    assert list(section.head) == ["", "bf16", "int8"]
    assert [tuple(row) for row in section.rows] == [
        ("size MB", "2.00", "2.00"),
        ("peak memory MB", "4", "4"),
        ("tokens/s, 8 caller(s)", "50.0", "80.0"),
        ("perplexity of speeches", "30 (29 to 31)", "33 (32 to 34)"),
        ("its rise, speeches", "", "0.1 (0.05 to 0.15)"),
        ("next-token %, speeches", "50.00 (40.0 to 60.0)", "50.00 (40.0 to 60.0)"),
    ]


def test_piece_without_a_reference_stands_alone():
    section = measured_section(judged("bf16", 30, 50.0))

    assert list(section.head) == ["", "bf16"]
