"""The steps of language models, with a tool that only writes files."""

from pathlib import Path

import pytest

from configs.steps import LlmDequantizeStep, LlmLoraStep, LlmQuantizeStep
from models.errors import BuildFailed
from models.recipes.pieces import Piece
from models.steps import llm_dequantize, llm_lora, llm_quantize
from tests.tiny_bench import TinyBench
from tests.tiny_llm import write_folder

WRITES = {
    "W8A8": ("I8", {"format": "int-quantized"}),
    "W4A16": ("I32", {"format": "pack-quantized"}),
}


class FakeTool:
    """Notes what it is asked and writes a folder of the scheme that `writes` names."""

    def __init__(self, writes=None):
        self.writes, self.asked = writes, []

    def __call__(self, worker, request):
        self.asked.append((worker, request))
        scheme = self.writes or request.get("scheme")
        kind, said = WRITES.get(scheme, ("BF16", None))
        write_folder(Path(request["target"]), {"w": (kind, [4])}, said)
        return {"layers": 30}

    def versions(self):
        return {"torch": "2.13.0"}


@pytest.fixture
def tiny(tmp_path):
    return TinyBench(tmp_path)


@pytest.fixture
def model(tiny):
    folder = tiny.empty("model")
    write_folder(folder, {"w": ("BF16", [4])})
    return Piece(folder)


def quantize(tiny, model, tool, data=None, **said):
    step = LlmQuantizeStep(step="llm-quantize", **said)
    bench = tiny.bench(step.model_dump(), data=data or {"calibration": "colours"})
    return llm_quantize.run(step, model, tiny.empty("target"), bench, lambda _: tool)


def test_dequantize_hands_over_the_one_gguf_file(tiny):
    folder, tool = tiny.empty("source"), FakeTool()
    (folder / "model.gguf").write_bytes(b"GGUF")
    step = LlmDequantizeStep(step="llm-dequantize")
    bench = tiny.bench(step.model_dump())

    facts = llm_dequantize.run(
        step, Piece(folder), tiny.empty("target"), bench, lambda _: tool
    )

    assert tool.asked[0][1]["gguf"] == str((folder / "model.gguf").resolve())
    assert facts["tools"] == {"torch": "2.13.0"}


def test_dequantize_without_a_gguf_file_says_what_it_needs(tiny):
    step = LlmDequantizeStep(step="llm-dequantize")

    with pytest.raises(BuildFailed, match=r"needs one file \*\.gguf .* got 0"):
        llm_dequantize.run(
            step,
            Piece(tiny.empty("source")),
            tiny.empty("target"),
            tiny.bench(step.model_dump()),
            lambda _: FakeTool(),
        )


@pytest.mark.parametrize(("scheme", "method"), [("W8A8", "rtn"), ("W4A16", "gptq")])
def test_auto_takes_what_suits_the_scheme(tiny, model, scheme, method):
    facts = quantize(tiny, model, FakeTool(), scheme=scheme)

    assert facts["method"] == method


def test_quantize_reads_the_calibration_text_only_when_it_samples(tiny, model):
    tool = FakeTool()

    quantize(tiny, model, tool, scheme="W8A8", smoothing=0)
    quantize(tiny, model, tool, scheme="W8A8", smoothing=0.8)

    assert [bool(request["texts"]) for _, request in tool.asked] == [False, True]


def test_quantize_without_a_text_says_where_to_name_one(tiny, model):
    with pytest.raises(BuildFailed, match=r"W8A8 by rtn needs a text under data\.cal"):
        quantize(tiny, model, FakeTool(), data={"evaluation": ["colours"]})


def test_quantize_refuses_a_method_that_the_scheme_has_not(tiny, model):
    with pytest.raises(BuildFailed, match="W8A8 is made by rtn or gptq, got awq"):
        quantize(tiny, model, FakeTool(), method="awq")


def test_quantize_refuses_a_folder_of_another_scheme(tiny, model):
    with pytest.raises(BuildFailed, match="must become W8A8, became W4A16"):
        quantize(tiny, model, FakeTool(writes="W4A16"))


def test_lora_hands_over_the_training_text(tiny, model):
    step, tool = LlmLoraStep(step="llm-lora"), FakeTool()
    bench = tiny.bench(step.model_dump(), data={"train": "colours"})

    llm_lora.run(step, model, tiny.empty("target"), bench, lambda _: tool)

    assert tool.asked[0][1]["texts"]


def test_lora_without_a_text_says_where_to_name_one(tiny, model):
    step = LlmLoraStep(step="llm-lora")

    with pytest.raises(BuildFailed, match=r"a text under data\.train"):
        llm_lora.run(
            step,
            model,
            tiny.empty("target"),
            tiny.bench(step.model_dump()),
            lambda _: FakeTool(),
        )
