"""The evidence of one file, as it is stored beside it."""

from pydantic import Field

from models.card import Fact, Proportion

WANTED = 0.99
"""Share of rows with another variant's answer, below which the file must explain itself."""

CLOSE = 0.5
"""Log odds of another variant's first class to its second, below which it is a close call.

Of the two, the first then has 62% at the most. It is a property of the other variant alone:
what a file does to the answers cannot make more of them close calls.
"""

Counts = tuple[tuple[int, ...], ...]


class AgreementFact(Fact):
    """A file beside another variant on the same rows.

    `expected`: both should give the same answers; a student is not its teacher.
    Distances are between the other variant's first and second class, as log odds.
    `moved`: what the file changes them by on all but one row in ten. `close`: rows whose
    distance is smaller than `CLOSE`; nearly a toss of the coin, which rounding may turn.
    `sure`: agreement on all other rows. `right_*`: of the rows that differ.
    """

    against: str
    expected: bool
    agreement: Proportion
    differing: int = Field(ge=0)
    moved: float
    close: int
    differing_close: int
    sure: Proportion | None
    median_distance: float
    median_distance_differing: float | None
    right_before: int
    right_after: int

    @property
    def is_enough(self) -> bool:
        """Whether nothing has to be explained."""
        return not self.expected or self.agreement.value >= WANTED

    @property
    def is_explained(self) -> bool:
        """Whether close calls may be all that differs: the other rows can be as wanted.

        Without other rows nothing can be told, and nothing is explained.
        """
        return self.is_enough or (self.sure is not None and self.sure.high >= WANTED)


class LayerFact(Fact):
    """How far an operator's output is from its own in float; the larger, the nearer."""

    layer: str
    snr_db: float


class ConfusionFact(Fact):
    """How often the class of a row (first index) was answered with another."""

    name: str
    counts: Counts


class Evidence(Fact):
    """All of it, on the first dataset of the recipe; `explanation` where it must be.

    `not_known`: what this form of file does not tell, in words.
    `served`: how often the variant that the cluster serves gives the answers in float.
    `unexplained`: where close calls do not explain it; such a file is not exported.
    """

    dataset: str
    rows: int
    agreements: tuple[AgreementFact, ...] = ()
    served: Proportion | None = None
    layers: tuple[LayerFact, ...] = ()
    labels: tuple[str, ...] = ()
    confusion: tuple[ConfusionFact, ...] = ()
    not_known: tuple[str, ...] = ()
    explanation: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
