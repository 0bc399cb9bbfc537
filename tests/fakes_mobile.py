"""Environments of phone formats without their venvs: ONNX Runtime is real, torch the rest.

A .pte is the exported program itself, a package the same under the name of its weights, so
that both answer as the network does, unless `change` makes something else of it.
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.environments import Tooling
from models.mobile.checks import Checks
from models.mobile.workers import ort_making
from models.mobile.workers import running as real
from models.recipes.bench import Bench
from models.recipes.pieces import MAIN, PACKAGE

Change = Callable[[Any], Any]
WEIGHTS = Path(MAIN["coreml"]).relative_to(PACKAGE)


class FakeMobile:
    """`asked` keeps every request with the tooling it went to.

    `older`: what the oldest runtimes make of the answers; `refusal`: why they open no file.
    """

    def __init__(
        self,
        change: Change = lambda answers: answers,
        older: Change = lambda answers: answers,
        refusal: str = "",
    ) -> None:
        self.asked: list[tuple[str, str, Mapping[str, object]]] = []
        self.change, self.older, self.refusal = change, older, refusal

    def __call__(self, bench: Bench, tooling: Tooling) -> Any:
        def call(worker: str, request: Mapping[str, object]) -> Any:
            self.asked.append((tooling.name, worker, request))
            told = getattr(self, worker)(request)
            if worker == "running" and tooling.name.endswith("-oldest"):
                np.save(str(request["out"]), self.older(np.load(str(request["out"]))))
            return told

        return call

    def opening(self, request: Mapping[str, Any]) -> Any:
        """What an oldest runtime says when it is to open a file."""
        return {"refusal": self.refusal}

    def executorch_making(self, request: Mapping[str, Any]) -> Any:
        """The program itself, in which XNNPACK takes all but one padding."""
        shutil.copyfile(request["program"], request["target"])
        return {
            "operators": [
                {"operator": "constant_pad_nd", "count": 1, "delegated": 0},
                {"operator": "convolution", "count": 4, "delegated": 4},
            ]
        }

    def coreml_making(self, request: Mapping[str, Any]) -> Any:
        """A package that holds the program in the place of its weights."""
        weights = Path(request["target"]) / WEIGHTS
        weights.parent.mkdir(parents=True)
        shutil.copyfile(request["program"], weights)
        (Path(request["target"]) / "Manifest.json").write_text("{}\n")
        return {
            "specification": 8,
            "operators": {"conv": 4, "linear": 1},
            "weights": {"sums": 5, "weights": 900, "largest_share": 1e-4},
        }

    def ort_making(self, request: Mapping[str, Any]) -> Any:
        """The real worker, in this process."""
        return ort_making.answer(request, lambda *_: None)

    def running(self, request: Mapping[str, Any]) -> Any:
        """ONNX Runtime itself, or the program in torch."""
        if request["form"] == "ort":
            return real.answer(request, lambda *_: None)
        rows = np.load(str(request["rows"]))
        given = np.concatenate(list(real.fed(rows, request)))
        if request["form"] == "coreml":
            given = (given - np.float32(127)) / np.float32(128)
        file = Path(str(request["model"]))
        program = file / WEIGHTS if file.is_dir() else file
        network = torch.export.load(program).module()
        with torch.no_grad():
            found = [network(torch.from_numpy(row[None])).numpy() for row in given]
        np.save(str(request["out"]), self.change(np.concatenate(found)))
        times = [1.0] * int(request.get("runs", 0))
        return {"times_ms": times, "grown_bytes": 1000}


def checks(
    form: str = "executorch", runtime: str = "executorch-1.4.0", **said: Any
) -> Checks:
    """The checks of a small INT8 file, one padding of which no library takes over."""
    return Checks.model_validate(
        {
            "form": form,
            "runtime": runtime,
            "arithmetic": "int8",
            "operators": [
                {"operator": "convolution", "count": 3, "delegated": 3},
                {"operator": "pad", "count": 2, "delegated": 1},
            ],
            "cost": {"macs": 3_000_000, "weights_bytes": 1000, "arena_bytes": 2000},
            "input": {"shape": [1, 3, 8, 8], "datatype": "float32", "layout": "NCHW"},
            "output": {"shape": [1, 4], "datatype": "float32", "layout": "NC"},
            "front_end": None,
            "source": {"photos": 8, "agreement": 1.0, "largest_difference": 0.1},
            "golden_tolerance": 0.1,
            **said,
        }
    )
