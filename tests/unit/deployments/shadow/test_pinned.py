"""A view holds all that it is a view of."""

import numpy as np

from deployments.shadow.pinned import pinned_bytes


def test_array_of_its_own_holds_its_bytes():
    assert pinned_bytes([np.zeros((2, 3), np.float32)]) == 24


def test_view_holds_the_array_that_it_shows_a_part_of():
    body = np.zeros(1000, np.uint8)

    assert pinned_bytes([body[:4].reshape(2, 2)]) == 1000


def test_view_of_a_message_holds_the_whole_message():
    message = bytes(500)

    assert pinned_bytes([np.frombuffer(memoryview(message)[8:16], np.uint8)]) == 500


def test_body_that_two_views_share_counts_once():
    message = bytearray(300)
    first, last = (np.frombuffer(memoryview(message)[n:], np.uint8) for n in (0, 200))

    assert pinned_bytes([first, last]) == 300


def test_texts_count_with_their_content():
    texts = np.array([b"ab", b"cdef"], np.object_)

    assert pinned_bytes([texts]) == texts.nbytes + 6
