"""What stops a variant from being made or found, grouped by who must act.

- ModelError: the root
  - SourceUnreachable: the network or the operator: the artefact cannot be read
  - NotLabelled: the operator: photos need labels for what is asked of them
  - HashMismatch: the operator: the artefact is not the one that was pinned
  - BuildFailed: the model author: a conversion step failed
  - BelowBar: the model author: the variant is worse than its bar allows
  - NotInCatalogue: the operator: no model has that name
  - VariantNotFound: the operator: build it first
  - StoreCorrupt: the operator: a stored file is missing or has changed
  - StoreUnwritable: the operator: the disk is full or refuses
  - NothingClears: the model author: no stored variant is good enough
  - NotExplained: the model author: a file gives other answers, and not by close calls
  - NotExported: who the reasons name: a device class has no files
  - ToolFailed: the operator: a tool's environment cannot be made, or a call in it failed
  - EngineUnfit: the operator: an engine was built for another GPU or library
  - BadModelFile: whoever made the file: it is damaged or holds what nothing here runs
"""

from pathlib import Path


class ModelError(Exception):
    """The root."""


class SourceUnreachable(ModelError):
    """The artefact could not be read."""

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(uri, reason)
        self.uri, self.reason = uri, reason

    def __str__(self) -> str:
        return f"{self.uri}: cannot be fetched: {self.reason}"


class NotLabelled(ModelError):
    """Photos without labels were named where the truth is needed."""

    def __init__(self, dataset: str) -> None:
        super().__init__(dataset)
        self.dataset = dataset

    def __str__(self) -> str:
        return (
            f"{self.dataset} has no labels: a student can be taught on it, "
            "nothing can be judged, fitted or trained on it without a teacher"
        )


class HashMismatch(ModelError):
    """The artefact differs from its pin; what was fetched has been deleted."""

    def __init__(self, uri: str, wanted: str, got: str) -> None:
        super().__init__(uri, wanted, got)
        self.uri, self.wanted, self.got = uri, wanted, got

    def __str__(self) -> str:
        return f"{self.uri}: sha256 must be {self.wanted}, got {self.got}; deleted"


class BuildFailed(ModelError):
    """A step of the build failed."""

    def __init__(self, model: str, step: str, reason: str) -> None:
        super().__init__(model, step, reason)
        self.model, self.step, self.reason = model, step, reason

    def __str__(self) -> str:
        return f"{self.model}: {self.step} failed: {self.reason}"


class BelowBar(ModelError):
    """The variant lost more than its spec allows; it was not stored."""

    def __init__(self, model: str, variant: str, wanted: str, got: str) -> None:
        super().__init__(model, variant, wanted, got)
        self.model, self.variant, self.wanted, self.got = model, variant, wanted, got

    def __str__(self) -> str:
        return f"{self.model} {self.variant}: must have {self.wanted}, got {self.got}"


class NotInCatalogue(ModelError):
    """The catalogue has no model of that name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        return f"{self.name} is not in the catalogue, which has {', '.join(self.known)}"


class VariantNotFound(ModelError):
    """The store has no such variant or ensemble."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"{self.name} is not in the store; run `headwater models build`, or "
            "`headwater optimize` for what a recipe makes"
        )


class NotServable(ModelError):
    """A variant is stored in a form that no replica opens."""

    def __init__(self, model: str, variant: str, form: str) -> None:
        super().__init__(model, variant, form)
        self.model, self.variant, self.form = model, variant, form

    def __str__(self) -> str:
        return (
            f"{self.model} {self.variant} is {self.form}, which no replica can open; "
            "name another variant (`headwater models list`)"
        )


class StoreCorrupt(ModelError):
    """A stored file is missing or no longer what its card says."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"{self.name} {self.reason}; run `headwater models build` to mend it"


class StoreUnwritable(ModelError):
    """The store could not take a file; it is as it was before."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(folder, reason)
        self.folder, self.reason = folder, reason

    def __str__(self) -> str:
        return (
            f"{self.folder}: cannot be written: {self.reason}; "
            "`headwater models gc` removes what nothing names"
        )


class NothingClears(ModelError):
    """No stored variant of a model clears the bar that a pipeline sets."""

    def __init__(self, model: str, wanted: str, found: tuple[str, ...]) -> None:
        super().__init__(model, wanted, found)
        self.model, self.wanted, self.found = model, wanted, found

    def __str__(self) -> str:
        found = "; ".join(self.found) or "nothing is stored"
        return f"{self.model}: a variant must have {self.wanted}: {found}"


class NotExplained(ModelError):
    """A file differs from what it should be, and close calls are not why."""

    def __init__(self, model: str, variant: str, findings: tuple[str, ...]) -> None:
        super().__init__(model, variant, findings)
        self.model, self.variant, self.findings = model, variant, findings

    def __str__(self) -> str:
        return f"{self.model} {self.variant}: {' '.join(self.findings)}"


class NotExported(ModelError):
    """Device classes without files; `reasons` has one for each."""

    def __init__(self, model: str, reasons: tuple[str, ...]) -> None:
        super().__init__(model, reasons)
        self.model, self.reasons = model, reasons

    def __str__(self) -> str:
        return f"{self.model} was not exported for {'; '.join(self.reasons)}"


class ToolFailed(ModelError):
    """A tool that lives in an environment of its own could not be had, or failed."""

    def __init__(self, tool: str, doing: str, reason: str) -> None:
        super().__init__(tool, doing, reason)
        self.tool, self.doing, self.reason = tool, doing, reason

    def __str__(self) -> str:
        return f"{self.tool}: {self.doing} failed: {self.reason}"


class EngineUnfit(ModelError):
    """An engine cannot run here; it must be built here."""

    def __init__(self, engine: str, built_for: str, here: str) -> None:
        super().__init__(engine, built_for, here)
        self.engine, self.built_for, self.here = engine, built_for, here

    def __str__(self) -> str:
        return (
            f"{self.engine}: must run with {self.built_for}, got {self.here}; "
            "build it here with `headwater optimize --force`"
        )


class BadModelFile(ModelError):
    """A model's file is damaged, or holds what cannot be run; `code` names why in a word."""

    def __init__(self, file: str, code: str, detail: str) -> None:
        super().__init__(file, code, detail)
        self.file, self.code, self.detail = file, code, detail

    def __str__(self) -> str:
        return f"{self.file}: {self.code}: {self.detail}"
