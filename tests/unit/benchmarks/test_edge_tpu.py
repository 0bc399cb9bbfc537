"""The table of predictions and compiled files."""

from benchmarks.edge_tpu import main, rows, table, total
from tests.tiny_lite import LiteFile, put, tiny_int8


def chain(*names):
    """Operators one after the other; `edgetpu` stands for what was compiled."""
    file = LiteFile()
    tensors = [
        file.tensor((1, 8), "INT8", None, [0.1], [0]) for _ in range(len(names) + 1)
    ]
    for number, name in enumerate(names):
        ends = [tensors[number]], [tensors[number + 1]]
        if name == "edgetpu":
            file.op("CUSTOM", *ends, custom="edgetpu-custom-op")
        else:
            file.op(name, *ends)
    return file.content([tensors[0]], [tensors[-1]])


def test_pair_that_was_foretold_has_full_precision_and_recall(tmp_path):
    put(tmp_path, chain("RELU", "HARD_SWISH"), "net.tflite")
    put(tmp_path, chain("edgetpu", "HARD_SWISH"), "net_edgetpu.tflite")

    (row,) = rows(tmp_path)

    assert (row.name, row.operators) == ("net", 2)
    assert (row.agreement.precision, row.agreement.recall) == (1.0, 1.0)


def test_what_fell_back_unforetold_lowers_recall(tmp_path):
    put(tmp_path, chain("RELU", "RELU6"), "net.tflite")
    put(tmp_path, chain("edgetpu", "RELU6"), "net_edgetpu.tflite")

    (row,) = rows(tmp_path)

    assert row.agreement.recall == 0.0
    assert "| net | 2 | 1 | 0 | 1.000 | 0.000 |" in table([row])


def test_all_pairs_count_as_one(tmp_path):
    for name in ("a", "b"):
        put(tmp_path, chain("RELU", "HARD_SWISH"), f"{name}.tflite")
        put(tmp_path, chain("edgetpu", "HARD_SWISH"), f"{name}_edgetpu.tflite")

    assert total(list(rows(tmp_path))).right == 2


def test_folder_without_a_pair_ends_with_2(tmp_path, capsys):
    put(tmp_path, tiny_int8(), "alone.tflite")

    assert main([str(tmp_path)]) == 2
    assert "no pair found" in capsys.readouterr().out
