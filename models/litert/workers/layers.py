"""How far each operator of a rewritten file is from the same one of its float source.

Both run with every tensor kept; operators are paired by their order, which quantizing
does not change. Runs where LiteRT is.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.litert.workers.running import feed


def answer(request: Mapping[str, Any], progress: Any) -> object:
    """The noise of every output in `request["pairs"]` over the rows of `request["rows"]`.

    Request: `wanted` and `found`, two files; `rows`, a .npy of float inputs; `pairs`,
    of each operator the index of its output in the one and in the other. Answers with
    [power, noise] for each, summed over all rows.
    """
    wanted, found = (_Kept(request[which]) for which in ("wanted", "found"))
    rows = np.load(request["rows"])
    sums = np.zeros((len(request["pairs"]), 2))
    for number, row in enumerate(rows, start=1):
        for one in (wanted, found):
            one.run(row)
        for place, (mine, theirs) in enumerate(request["pairs"]):
            exact = wanted.value(mine)
            apart = exact - found.value(theirs)
            sums[place] += [float((exact**2).sum()), float((apart**2).sum())]
        progress("compare layers", number, len(rows))
    return [[float(power), float(noise)] for power, noise in sums]


class _Kept:
    """An interpreter that keeps every tensor; no delegate, which would hide its own."""

    def __init__(self, model: str) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self._interpreter = Interpreter(
            model,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        details = self._interpreter.get_tensor_details()
        self._steps = {said["index"]: said["quantization"] for said in details}

    def run(self, row: Any) -> None:
        """Run it once."""
        feed(self._interpreter, row)
        self._interpreter.invoke()

    def value(self, index: int) -> Any:
        """A tensor of the last run, as float."""
        value = self._interpreter.get_tensor(index).astype(np.float64)
        scale, zero = self._steps[index]
        return (value - zero) * scale if scale else value
