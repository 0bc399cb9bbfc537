"""Writes a random Llama of a few thousand weights as GGUF; runs inside llm-compress."""

from collections.abc import Mapping
from typing import Any

WIDTH, LAYERS, HEADS, HIDDEN = 64, 2, 2, 128
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def answer(request: Mapping[str, Any], progress: object) -> list[str]:
    """Write `target`, of Q8_0 like the files that packages bring."""
    import gguf
    import numpy as np

    draw, words = np.random.default_rng(request["seed"]), _words()
    writer = gguf.GGUFWriter(request["target"], "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(words))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(words)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(words) - len(SPECIAL)))
    writer.add_token_merges(["t h", "i n"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, shape in _shapes(len(words)).items():
        values = draw.normal(0, 0.05, shape).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(name, np.ones(shape, np.float32))
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            packed = gguf.quants.quantize(values, kind)
            writer.add_tensor(name, packed, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return words


def _words() -> list[str]:
    """The bytes as byte-level BPE writes them, and two merged pairs."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = [chr(byte) for byte in plain]
    letters += [chr(256 + at) for at in range(len(others))]
    return [*SPECIAL, *letters, "th", "in"]


def _shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    head = WIDTH // HEADS
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (vocabulary, WIDTH),
        "output_norm.weight": (WIDTH,),
        "output.weight": (vocabulary, WIDTH),
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        shapes |= {
            f"{block}.attn_norm.weight": (WIDTH,),
            f"{block}.attn_q.weight": (WIDTH, WIDTH),
            f"{block}.attn_k.weight": (head, WIDTH),
            f"{block}.attn_v.weight": (head, WIDTH),
            f"{block}.attn_output.weight": (WIDTH, WIDTH),
            f"{block}.ffn_norm.weight": (WIDTH,),
            f"{block}.ffn_gate.weight": (HIDDEN, WIDTH),
            f"{block}.ffn_up.weight": (HIDDEN, WIDTH),
            f"{block}.ffn_down.weight": (WIDTH, HIDDEN),
        }
    return shapes
