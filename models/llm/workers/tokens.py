"""Texts as windows of token ids, the same for every variant of a model."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.progress import Progress

Window = list[int]


def tokens_of(folder: str, texts: Sequence[str]) -> list[int]:
    """All files of `texts`, one after the other, by the tokenizer of `folder`."""
    from tokenizers import Tokenizer

    tokenizer: Any = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    ids: list[int] = []
    for text in texts:
        content = Path(text).read_text(encoding="utf-8")
        ids += tokenizer.encode(content, add_special_tokens=False).ids
    return ids


def windows(ids: Sequence[int], size: int, most: int) -> list[Window]:
    """At most `most` windows of `size` tokens, evenly over `ids`, none overlapping.

    Raises:
        ValueError: there are fewer tokens than one window has.
    """
    whole = [list(ids[at : at + size]) for at in range(0, len(ids) - size + 1, size)]
    if not whole:
        raise ValueError(f"the text has {len(ids)} tokens, one window needs {size}")
    count = min(most, len(whole))
    return [whole[number * len(whole) // count] for number in range(count)]


def questions(
    found: Sequence[Window], answer_tokens: int, choices: int, seed: int
) -> list[list[Window]]:
    """Of each window: itself, and itself with the ends of other windows instead.

    The first of each list is the true one; a model that reads well finds it likeliest.
    """
    draw, asked = random.Random(seed), []  # noqa: S311 - not for secrets
    for number, window in enumerate(found):
        others = [other for at, other in enumerate(found) if at != number]
        wrong = draw.sample(others, min(choices - 1, len(others)))
        start = window[:-answer_tokens]
        asked.append([window, *(start + other[-answer_tokens:] for other in wrong)])
    return asked


def answer(request: Mapping[str, Any], progress: Progress) -> list[Window]:
    """The windows of `texts`, for who cannot cut them itself."""
    ids = tokens_of(request["tokenizer"], request["texts"])
    progress("cut text", 1, 1)
    return windows(ids, request["window_tokens"], request["max_windows"])
