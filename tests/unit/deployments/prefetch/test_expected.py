"""What past requests say of coming ones, on a clock of the test's own."""

from deployments.autoscaling.timeline import Now
from deployments.prefetch.expected import Expected

PERIOD_S, BURST_AT_S, BURST_S, RATE = 300, 100, 10, 5
BASE_S = 300 * 5_000_000


class Traffic:
    """A model asked in bursts, five requests a second, every five minutes."""

    def __init__(self, expected):
        self.expected, self.second = expected, 0
        self.arrived = {"bursty:1#aa": 0, "steady:1#bb": 0}

    def run(self, seconds):
        """Go on; the rates expected of the bursty model, by second of the period."""
        seen = {}
        for _ in range(seconds):
            phase = self.second % PERIOD_S
            if 0 <= phase - BURST_AT_S < BURST_S:
                self.arrived["bursty:1#aa"] += RATE
            self.arrived["steady:1#bb"] += 1
            self.expected.count(self.arrived, self.now())
            seen[phase] = self.expected.soon().get("bursty:1", 0.0)
            self.second += 1
        return seen

    def now(self):
        return Now(self.second + 0.5, BASE_S + self.second + 0.5)


def test_burst_that_comes_back_is_expected_before_it_comes_and_not_after():
    traffic = Traffic(Expected())
    traffic.run(5 * PERIOD_S)

    seen = traffic.run(PERIOD_S)

    assert min(seen[phase] for phase in range(BURST_AT_S - 5, BURST_AT_S)) > 1
    assert max(seen[phase] for phase in range(150, 280)) == 0
    assert max(seen[phase] for phase in range(60)) == 0


def test_rebuilt_variant_is_expected_like_the_one_before():
    expected = Expected()
    traffic = Traffic(expected)
    traffic.run(5 * PERIOD_S)
    traffic.arrived["bursty:1#cc"] = traffic.arrived.pop("bursty:1#aa")

    traffic.arrived["bursty:1#aa"] = 0
    traffic.run(BURST_AT_S)

    assert (expected.expect("bursty:1#cc", 0.0, 30.0) or 0.0) > 1


def test_steady_traffic_is_nothing_to_be_told():
    traffic = Traffic(Expected())
    traffic.run(2 * PERIOD_S)

    assert traffic.expected.expect("steady:1#bb", 0.0, 30.0) is None
    assert "steady:1" not in traffic.expected.soon()


def test_who_was_asked_long_ago_makes_room_for_who_is_asked_now():
    expected = Expected(most=2)
    arrived = {}
    for second in range(60):
        arrived[f"m{second // 10}:1"] = second
        expected.count(arrived, Now(second + 0.5, BASE_S + second + 0.5))

    assert expected.known() == ["m4:1", "m5:1"]


def test_clock_that_stands_still_or_jumps_is_survived():
    expected = Expected()
    for second in (0.5, 0.6, 5000.5, 3.5):
        expected.count({"a:1": 3}, Now(second, BASE_S + second))

    assert expected.soon() == {}
