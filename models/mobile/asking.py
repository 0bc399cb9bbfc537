"""A file for phones asked about photos, in a process of its own.

Answers are kept beside those of other pieces, so what is asked twice is computed once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from configs.device import DeviceForm
from configs.model import FrontEnd
from models.environments import Tooling
from models.errors import BuildFailed
from models.evaluate import Floats
from models.keys import hash_of, tool_versions
from models.litert.toolings import Tools
from models.mobile import toolings
from models.recipes.bench import NO_IMAGE, Bench
from models.recipes.pieces import PACKAGE, Form, Piece
from models.store import digest

FORMS: Mapping[Form | None, DeviceForm] = {
    "executorch": "executorch",
    "coreml": "coreml",
    "ort": "ort",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A file, how it is read, and where it is run; a package is a folder.

    `oldest`: by the oldest runtime for it, which forms of `toolings.OLDEST` have.
    """

    form: DeviceForm
    file: Path
    oldest: bool = False

    @property
    def tooling(self) -> Tooling:
        """The environment that runs it."""
        if self.oldest:
            return toolings.oldest(self.form)
        return toolings.ONNX_RUNTIME if self.form == "ort" else toolings.mobile()

    @property
    def sha256(self) -> str:
        """Of its bytes; of a folder, of the digests of its files by name."""
        if self.file.is_file():
            return digest(self.file)
        files = sorted(one for one in self.file.rglob("*") if one.is_file())
        return hash_of([[str(f.relative_to(self.file)), digest(f)] for f in files])


def asked_of(piece: Piece) -> Asked | None:
    """What `piece` is for phones; None: nothing."""
    form = FORMS.get(piece.form)
    if form is None:
        return None
    is_package = form == "coreml"
    return Asked(form, piece.folder / PACKAGE if is_package else piece.main(form))


class MobileAsker:
    """Asks one file; `tools` finds the environments."""

    def __init__(
        self, asked: Asked, bench: Bench, tools: Tools = toolings.environment
    ) -> None:
        self._asked, self._bench, self._tools = asked, bench, tools

    def logits(
        self, dataset: str, threads: int = 1, photos: int | None = None
    ) -> Floats:
        """The logits of the first `photos` of `dataset` (None: all), [n, classes].

        Raises:
            BuildFailed: the model takes no photos.
            ModelError: a photo cannot be had, or the runtime refuses the file.
        """
        name = self._name(dataset, threads, photos)
        kept = self._bench.rooms.logits / f"{name}.npy"
        if not kept.is_file():
            seen = self._front_end()
            crops = self._bench.materials.crops(dataset, seen, self._bench.progress)
            self._keep(self.raw(crops[:photos], threads), kept)
        found: Floats = np.load(kept)
        return found

    def raw(self, rows: np.ndarray, threads: int = 1) -> Floats:
        """The answers [n, classes] to pixels [n, h, w, c] or to inputs as they are.

        Raises:
            ModelError: the runtime refuses the file.
        """
        out = self._bench.scratch / "mobile-answers.npy"
        self._call(rows, out, {"threads": threads})
        found: Floats = np.load(out)
        return found

    def refusal(self) -> str:
        """Why the runtime does not open the file, in its words; empty: it does.

        Raises:
            ToolFailed: the environment cannot be had, or the file ends its process.
        """
        tool = self._tools(self._bench, self._asked.tooling)
        told = {"form": self._asked.form, "model": str(self._asked.file.resolve())}
        return str(tool("opening", told)["refusal"])

    def timed(self, threads: int, runs: int) -> Mapping[str, Any]:
        """`times_ms` of `runs` runs on a grey image, and by how much the process grew.

        Raises:
            ModelError: the runtime refuses the file.
        """
        grey = np.full((1, *self._front_end().shape), 127, np.uint8)
        out = self._bench.scratch / "mobile-timed.npy"
        return self._call(grey, out, {"threads": threads, "runs": runs})

    def _call(
        self, rows: np.ndarray, out: Path, more: Mapping[str, object]
    ) -> Mapping[str, Any]:
        sent = self._bench.scratch / "mobile-asked.npy"
        np.save(sent, np.ascontiguousarray(rows))
        request: dict[str, object] = {
            "form": self._asked.form,
            "model": str(self._asked.file.resolve()),
            "rows": str(sent),
            "out": str(out),
            **more,
        }
        if rows.dtype == np.uint8 and self._asked.form != "coreml":
            seen = self._front_end()
            request |= {"mean": seen.mean, "std": seen.std}
        tool = self._tools(self._bench, self._asked.tooling)
        answer: Mapping[str, Any] = tool("running", request)
        return answer

    def _front_end(self) -> FrontEnd:
        seen = self._bench.spec.front_end
        if seen is None:
            raise BuildFailed(self._bench.recipe.id, "evaluation", NO_IMAGE)
        return seen

    def _keep(self, logits: Floats, kept: Path) -> None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        scratch = kept.with_name(f".new-{kept.name}")
        with scratch.open("wb") as file:
            np.save(file, logits)
        scratch.replace(kept)

    def _name(self, dataset: str, threads: int, photos: int | None) -> str:
        seen = self._bench.spec.front_end
        return hash_of(
            {
                "model": self._asked.sha256,
                "form": self._asked.form,
                "dataset": self._bench.materials.sha256(dataset),
                "photos": photos,
                "image": None if seen is None else seen.model_dump(mode="json"),
                "skip_broken": self._bench.data.skip_broken,
                "threads": threads,
                "pins": self._asked.tooling.requirements,
                "tools": tool_versions(("onnxruntime",)),
            }
        )
