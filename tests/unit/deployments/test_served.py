"""Names, versions and words in front of nodes."""

from dataclasses import replace

import pytest

from deployments.errors import ModelNotFound, NoAvailableVersion, VersionNotFound
from deployments.messages import Contract, Request, TensorContract
from deployments.served import Offer, Served
from tests.fakes import EchoNode, floats

ASKED = Request("a", {"x": floats(1)})


async def always():
    return True


def an_offer(name, version):
    x = TensorContract("x", "FP32", (-1, 1))
    return Offer(Contract(name, version, "test", (x,), (), 8), EchoNode(), always)


ONE, TWO = an_offer("a", "1"), an_offer("a", "2")


@pytest.fixture
def served():
    served = Served()
    served.switch({"a": {"": ONE, "1": ONE, "2": TWO, "canary": TWO}}, {"gone"})
    return served


@pytest.mark.parametrize(
    ("word", "version"), [("", "1"), ("1", "1"), ("2", "2"), ("canary", "2")]
)
async def test_word_leads_to_its_version(served, word, version):
    assert served.contract("a", word).version == version

    await served.infer(ASKED, word)

    asked = {"1": ONE, "2": TWO}[version]
    assert asked.node.requests.pop().model == "a"


def test_every_name_is_listed_once_with_its_default(served):
    assert [contract.version for contract in served.contracts()] == ["1"]
    assert served.versions("a") == ["1", "2"]


def test_what_is_not_served_is_told_apart(served):
    with pytest.raises(ModelNotFound):
        served.contract("b")
    with pytest.raises(VersionNotFound, match="version 3"):
        served.contract("a", "3")
    with pytest.raises(NoAvailableVersion):
        served.contract("gone")
    with pytest.raises(NoAvailableVersion):
        served.contract("gone", "1")


async def test_everything_is_ready_when_whoever_knows_says_so():
    async def never():
        return False

    assert await Served([ONE]).ready()
    assert not await Served([ONE], never).ready()
    assert not await Served([replace(ONE, ready=never)]).ready()
    assert await Served([ONE], never).ready("a", "1")
