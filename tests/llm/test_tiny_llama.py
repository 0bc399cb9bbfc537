"""A random Llama through the real tools: GGUF, few bits, adapters, perplexity.

`make test-llm` runs it: the environment is 1.6 GB, made once below HEADWATER_HOME.
"""

import pytest

from configs.environment import load_environment
from models.environments import ToolEnvironment
from models.errors import ToolFailed
from models.llm import toolings
from models.llm.anatomy import inspect
from models.llm.perplexity import rise, scores_from

STEP = {
    "method": "rtn",
    "ignore": ["lm_head"],
    "group_size": 32,
    "symmetric": False,
    "smoothing": 0.5,
    "calibration_samples": 4,
    "sequence_tokens": 32,
    "seed": 0,
}


@pytest.fixture(scope="module")
def tool():
    root = load_environment().home / "envs"
    return ToolEnvironment(toolings.compress(), root)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_text("The lazy fox thinks of the other thing. " * 40)
    return str(file)


@pytest.fixture(scope="module")
def source(tool, tmp_path_factory):
    """The folder of safetensors that comes from a GGUF file."""
    folder = tmp_path_factory.mktemp("source")
    gguf, target = folder / "tiny.gguf", folder / "model"
    target.mkdir()
    tool.call("tests.tiny_llama", {"target": str(gguf), "seed": 0})
    said = {"gguf": str(gguf), "target": str(target), "datatype": "bf16"}
    tool.call("models.llm.workers.dequantize", said)
    return target


def quantized(tool, source, text, target, **said):
    target.mkdir()
    request = {**STEP, "source": str(source), "target": str(target), "texts": [text]}
    tool.call("models.llm.workers.quantize", {**request, **said})
    return target


def scores(tool, folder, source, text):
    request = {
        "model": str(folder),
        "tokenizer": str(source),
        "texts": [text],
        "window_tokens": 32,
        "max_windows": 8,
        "question_tokens": 16,
        "answer_tokens": 4,
        "choices": 4,
        "max_questions": 4,
        "datatype": "fp32",
        "seed": 0,
    }
    return scores_from(tool.call("models.llm.workers.score", request))


def test_gguf_becomes_a_folder_with_the_tokenizer_and_its_end_token(source):
    found = inspect(source)

    assert (found.scheme, found.context_tokens) == ("none", 256)
    assert "<|im_end|>" in (source / "tokenizer_config.json").read_text()


def test_w8a8_reads_the_text_as_its_source_does(tool, source, text, tmp_path):
    target = quantized(tool, source, text, tmp_path / "w8", scheme="W8A8")

    assert inspect(target).scheme == "W8A8"
    before, after = (scores(tool, one, source, text) for one in (source, target))
    assert abs(rise(before, after).value) < 0.02


def test_w4a16_has_four_bits_in_eight_a_word(tool, source, text, tmp_path):
    target = quantized(tool, source, text, tmp_path / "w4", scheme="W4A16")

    assert inspect(target).tensors["I32"] >= 14


def test_group_that_does_not_divide_names_the_layer(tool, source, text, tmp_path):
    with pytest.raises(
        ToolFailed, match=r"must divide the 64 inputs .* got 48; 64 does"
    ):
        quantized(tool, source, text, tmp_path / "w4", scheme="W4A16", group_size=48)


def test_adapters_lower_the_loss_on_what_they_read(tool, source, text, tmp_path):
    target = tmp_path / "lora"
    target.mkdir()
    request = {
        "source": str(source),
        "target": str(target),
        "texts": [text],
        "rank": 4,
        "alpha": 16.0,
        "targets": ["q_proj", "v_proj", "down_proj"],
        "steps": 30,
        "batch": 4,
        "sequence_tokens": 32,
        "lr": 0.02,
        "seed": 0,
    }
    told = tool.call("models.llm.workers.lora", request)

    assert told["curve"][-1]["loss"] < told["curve"][0]["loss"]
    assert inspect(target).scheme == "none"
