import numpy as np
import pytest

from deployments.voting import top_k


def test_top_k_is_ordered_and_ties_keep_their_order():
    index, probability = top_k(np.array([[0.2, 0.4, 0.2, 0.2]], np.float32), 3)

    assert index.tolist() == [[1, 0, 2]]
    assert probability.tolist() == [[pytest.approx(0.4), *[pytest.approx(0.2)] * 2]]
