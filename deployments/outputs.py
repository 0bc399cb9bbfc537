"""Whether a backend answers what its card promises. Pure."""

from collections.abc import Mapping, Sequence

from configs.model import TensorSpec
from deployments.messages import DATATYPES, DTYPES, Tensor


class WrongAnswer(Exception):
    """A backend answers something else than its card says."""

    def __init__(self, name: str, promised: str, found: str) -> None:
        super().__init__(name, promised, found)
        self.name, self.promised, self.found = name, promised, found

    def __str__(self) -> str:
        return f"output '{self.name}' must be {self.promised}, got {self.found}"


class Outputs:
    """The outputs of a card; none: whatever has a row for each row asked."""

    def __init__(self, promised: Sequence[TensorSpec] = ()) -> None:
        self._promised = [
            (one.name, DTYPES[one.datatype], one.shape, -1 in one.shape)
            for one in promised
        ]

    def check(self, answers: Mapping[str, Tensor], rows: int) -> None:
        """Hold what a run of `rows` gave to the card.

        Raises:
            WrongAnswer: an output is missing, was not promised, or has another datatype,
                shape or number of rows.
        """
        for name, dtype, shape, varies in self._promised:
            tensor, wanted = answers.get(name), (rows, *shape)
            if tensor is None:
                told = ", ".join(sorted(answers)) or "none"
                raise WrongAnswer(name, "among the outputs", told)
            fits = tensor.shape == wanted or (varies and _fits(wanted, tensor.shape))
            if tensor.dtype != dtype or not fits:
                raise _wrong(name, _told(DATATYPES[dtype], wanted), tensor)
        if len(answers) != len(self._promised):
            self._check_rest(answers, rows)

    def _check_rest(self, answers: Mapping[str, Tensor], rows: int) -> None:
        names = [name for name, *_ in self._promised]
        for name, tensor in answers.items():
            if names and name not in names:
                raise _wrong(name, "left out", tensor)
            if len(tensor) != rows:
                raise _wrong(name, f"{rows} rows", tensor)


def _wrong(name: str, promised: str, tensor: Tensor) -> WrongAnswer:
    datatype = DATATYPES.get(tensor.dtype, str(tensor.dtype))
    return WrongAnswer(name, promised, _told(datatype, tensor.shape))


def _told(datatype: str, shape: Sequence[int]) -> str:
    return f"{datatype} [{','.join(map(str, shape))}]"


def _fits(wanted: Sequence[int], got: Sequence[int]) -> bool:
    return len(wanted) == len(got) and all(
        want in (-1, have) for want, have in zip(wanted, got, strict=True)
    )
