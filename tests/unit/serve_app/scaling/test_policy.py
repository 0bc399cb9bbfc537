"""The class that Ray is given, with every function behind it broken in turn; no Ray."""

import sys

import pytest

from serve_app.scaling.policy import HeadwaterPolicy
from tests.fakes_scaling import Key, Town


def modules():
    return [
        module
        for name, module in sys.modules.items()
        if name.startswith(("deployments.autoscaling", "serve_app.scaling"))
        and not name.startswith("deployments.autoscaling.replay")
    ]


def inner_functions(town):
    """Every function of ours that ten busy seconds call, as (owner, name)."""
    called = set()

    def note(frame, event, _):
        if event == "call":
            called.add(frame.f_code)

    sys.setprofile(note)
    try:
        town.run(10, 50)
        town.shell.decide({})
    finally:
        sys.setprofile(None)
    owners = [(module, name) for module in modules() for name in vars(module)]
    owners += [
        (owner, name)
        for module in modules()
        for owner in vars(module).values()
        if isinstance(owner, type) and owner.__module__ == module.__name__
        for name in vars(owner)
    ]
    found = {}
    for owner, name in owners:
        code = getattr(vars(owner).get(name), "__code__", None)
        if code in called:
            found[(owner.__name__, name)] = (owner, name)
    return found


ELSEWHERE = {"Meter", "Flow", "Work", "deployments.autoscaling.live.meter"}
"""What runs in replicas, and what is the test's own."""


OURS = ("HeadwaterPolicy", "serve_app.scaling.policy")
"""The outermost loop itself."""


@pytest.fixture
def policy(monkeypatch):
    """A policy in front of a town's shell."""

    def of(town):
        monkeypatch.setattr("serve_app.scaling.begin.shell_of", lambda *_: town.shell)
        return asked(HeadwaterPolicy())

    return of


def asked(policy):
    """The answers of a policy, without the state that it does not keep in Ray."""
    return lambda contexts: policy(contexts)[0]


def test_exception_in_any_inner_function_never_gets_out(tmp_path, monkeypatch, policy):
    town = Town(tmp_path / "first")
    town.run(30, 30)
    found = {
        place: target
        for place, target in inner_functions(town).items()
        if place[0] not in (*ELSEWHERE, *OURS)
    }
    assert len(found) > 100, sorted(found)
    seen = 0
    for number, ((where, name), (owner, _)) in enumerate(sorted(found.items())):
        broken = Town(tmp_path / str(number))
        ask, fail = policy(broken), Failing(where, name)
        for _ in range(11):
            broken.second(ask, 30)
        before, held = broken.target, []
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, fail)
            for _ in range(6):
                broken.second(ask, 30)
                held.append(broken.target)
        seen += fail.called
        for _ in range(3):
            broken.second(ask, 30)

        assert min(held) >= before - 1, (where, name, before, held)
        assert broken.target >= before - 1, (where, name)
    assert seen > 0.8 * len(found), (seen, len(found))


class Failing:
    """Raises whatever it is called with."""

    def __init__(self, where, name):
        self.where, self.name, self.called = where, name, False

    def __call__(self, *args, **kwargs):
        self.called = True
        raise ArithmeticError(f"{self.where}.{self.name}")


def test_shell_that_cannot_be_made_leaves_replicas_growing_with_load(tmp_path):
    town = Town(tmp_path, replicas=2)
    town.run(10, 5)
    policy = HeadwaterPolicy(colour="blue")
    town.waiting = 30

    answers = town.second(asked(policy))

    assert answers[Key("ingress")] >= 5


def test_contexts_that_cannot_be_read_leave_everything_as_it_is():
    class Broken:
        target_num_replicas = 3

    assert HeadwaterPolicy(colour="blue")({Key("ingress"): Broken()}) == ({}, {})


def test_nothing_to_decide_is_nothing_decided():
    assert HeadwaterPolicy()({}) == ({}, {})


def test_failure_to_begin_is_logged_once_in_a_while(caplog):
    policy = HeadwaterPolicy(colour="blue")

    for _ in range(200):
        policy({Key("ingress"): None})

    assert caplog.text.count("autoscaling does not run") == 1


def test_real_shell_writes_where_it_is_told(tmp_path):
    town = Town(tmp_path / "unused")
    policy = HeadwaterPolicy(home=str(tmp_path / "home"), metrics=False)

    town.second(asked(policy), 5)

    assert policy(town.contexts())[0] == {Key("ingress"): town.target}


def test_policy_and_all_it_uses_need_no_ray():
    """Ray takes seconds to import; what decides must be testable without it."""
    import subprocess

    code = (
        "import sys, serve_app.scaling.policy, serve_app.scaling.begin; "
        "sys.exit('ray' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
