"""One request before a run, read and judged: a fast wrong answer is worth nothing."""

import urllib.error
import urllib.request

import grpc

from benchmarks.contenders import Subject
from benchmarks.facts import GrpcTarget, HttpTarget

_WITHIN_S = 60.0


class WrongAnswer(Exception):
    """A contender does not do the work that is to be measured."""

    def __init__(self, subject: str, wanted: int, got: str) -> None:
        super().__init__(subject, wanted, got)
        self.subject, self.wanted, self.got = subject, wanted, got

    def __str__(self) -> str:
        return f"{self.subject}: answer must be class {self.wanted}, got {self.got}"


def probe(subject: Subject, wanted_class: int) -> None:
    """Ask once.

    Raises:
        WrongAnswer: the answer is another class than the bare loop's, or a failure.
    """
    try:
        got = _ask(subject)
    except urllib.error.HTTPError as error:
        text = f"HTTP {error.code} {error.read(500)!r}"
        raise WrongAnswer(subject.fact.id, wanted_class, text) from error
    except grpc.RpcError as error:
        raise WrongAnswer(subject.fact.id, wanted_class, str(error)) from error
    if got != wanted_class:
        raise WrongAnswer(subject.fact.id, wanted_class, f"class {got}")


def _ask(subject: Subject) -> int:
    if isinstance(subject.target, GrpcTarget):
        return subject.class_of(_ask_grpc(subject.target, subject.body), {})
    return _ask_http(subject, subject.target)


def _ask_http(subject: Subject, target: HttpTarget) -> int:
    asked = urllib.request.Request(
        target.url, data=subject.body, headers=dict(target.headers), method="POST"
    )
    with urllib.request.urlopen(asked, timeout=_WITHIN_S) as answer:
        return subject.class_of(answer.read(), answer.headers)


def _ask_grpc(target: GrpcTarget, body: bytes) -> bytes:
    with grpc.insecure_channel(target.address) as channel:
        call = channel.unary_unary(target.method)
        return bytes(call(body, timeout=_WITHIN_S, wait_for_ready=True))
