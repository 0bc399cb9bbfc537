"""Who takes part."""

import pytest

from benchmarks.peers.lineup import NAMES, Unknown, pins, require_known
from benchmarks.peers.roster import PEERS


def test_name_that_is_no_contenders_is_refused():
    with pytest.raises(Unknown) as caught:
        require_known(("mosec", "mosaic"))

    assert str(caught.value) == f"mosaic is no contender; there are {', '.join(NAMES)}"


def test_every_peer_tells_its_own_version():
    assert len(pins()) == len(PEERS)
    assert pins()["nvidia-pytriton"] == "0.7.0"
