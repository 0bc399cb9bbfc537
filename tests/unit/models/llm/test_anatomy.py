"""Folders of language models, read without running them."""

import json

import pytest

from models.llm.anatomy import BadFolder, inspect
from tests.tiny_llm import write_folder, write_safetensors


def test_folder_without_quantization_is_of_scheme_none(tmp_path):
    write_folder(tmp_path, {"w": ("BF16", [2, 3])})

    found = inspect(tmp_path)

    assert (found.scheme, found.context_tokens, found.tensors) == (
        "none",
        64,
        {"BF16": 1},
    )


@pytest.mark.parametrize(
    ("said", "kind", "scheme"),
    [
        ({"format": "int-quantized"}, "I8", "W8A8"),
        ({"format": "pack-quantized"}, "I32", "W4A16"),
        ({"format": "float-quantized"}, "F8_E4M3", "FP8"),
        ({"quant_method": "bitsandbytes", "bnb_4bit_quant_type": "nf4"}, "U8", "NF4"),
    ],
)
def test_scheme_is_read_from_the_configuration(tmp_path, said, kind, scheme):
    write_folder(tmp_path, {"w": (kind, [4])}, said)

    assert inspect(tmp_path).scheme == scheme


def test_scheme_without_its_tensors_is_refused(tmp_path):
    write_folder(tmp_path, {"w": ("BF16", [4])}, {"format": "int-quantized"})

    with pytest.raises(BadFolder, match="scheme W8A8 but holds no I8 tensors"):
        inspect(tmp_path)


def test_unknown_format_is_named(tmp_path):
    write_folder(tmp_path, {"w": ("I8", [4])}, {"format": "marlin"})

    with pytest.raises(BadFolder, match="format 'marlin' is not known"):
        inspect(tmp_path)


def test_tensor_that_is_cut_off_is_named(tmp_path):
    write_folder(tmp_path, {"w": ("BF16", [4])})
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:-1])

    with pytest.raises(BadFolder, match="w is cut off"):
        inspect(tmp_path)


def test_head_that_is_cut_off_is_refused(tmp_path):
    write_folder(tmp_path, {"w": ("BF16", [4])})
    (tmp_path / "model.safetensors").write_bytes((999).to_bytes(8, "little"))

    with pytest.raises(BadFolder, match="is cut off"):
        inspect(tmp_path)


def test_folder_without_weights_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({}))

    with pytest.raises(BadFolder, match="holds no safetensors"):
        inspect(tmp_path)


def test_folder_without_configuration_is_refused(tmp_path):
    write_safetensors(tmp_path / "model.safetensors", {"w": ("BF16", [4])})

    with pytest.raises(BadFolder, match=r"config\.json: No such file"):
        inspect(tmp_path)
