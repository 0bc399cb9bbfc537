"""Two servers that take turns."""

import pytest

from models.llm.load import CONCURRENCIES, ROUNDS, served_scores, speeds


class FakeServer:
    def __init__(self, name, asked):
        self.name, self.asked = name, asked

    def ask(self, path, body):
        self.asked.append(self.name)
        likely = [None, *({str(t): {"logprob": -0.5}} for t in body["prompt"][1:])]
        return {
            "usage": {"completion_tokens": body["max_tokens"]},
            "choices": [{"prompt_logprobs": likely}],
        }


def test_every_server_is_asked_equally_often_in_turns():
    asked: list[str] = []
    speeds([FakeServer("a", asked), FakeServer("b", asked)], [[1, 2], [3, 4]])

    first = asked[2 : 2 + 2 * ROUNDS]
    assert asked.count("a") == asked.count("b")
    assert first == ["a", "b", "b", "a", "a", "b", "b", "a"]


def test_each_concurrency_has_a_speed():
    (facts,) = speeds([FakeServer("a", [])], [[1, 2]])

    assert tuple(fact.concurrency for fact in facts) == CONCURRENCIES
    assert all(fact.tokens_per_s > 0 for fact in facts)


def test_loss_of_a_window_is_summed_over_all_but_its_first_token():
    found = served_scores(FakeServer("a", []), [[1, 2, 3], [4, 5]])

    assert found.losses == pytest.approx((1.0, 0.5))
    assert found.tokens == (2, 1)
