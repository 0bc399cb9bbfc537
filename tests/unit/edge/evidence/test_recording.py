"""What evidence has found is on the card, and old cards are read as before."""

import json

import numpy as np
import pytest

from edge.evidence.agreement import Other, agreement
from edge.evidence.facts import Evidence
from edge.evidence.recording import agreed, record
from models.card import Card, FileFact
from models.store import Store
from tests.fakes_litert import lite_card

DIGEST = "1" * 64


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def evidence(rows=100):
    scores = np.tile(np.array([6.0, 0.0], np.float32), (rows, 1))
    fact = agreement(
        Other("teacher", scores, expected=False), scores, np.zeros(rows, int)
    )
    return Evidence(dataset="digits", rows=rows, agreements=(fact,))


def test_card_says_against_what_on_which_rows_and_how_often(store):
    card = lite_card("int8")
    store.save_card(card)

    told = record(store, card, evidence())

    (fact,) = store.card(card.model, card.version, card.variant).agreements
    assert (fact.against, fact.dataset, fact.expected) == ("teacher", "digits", False)
    assert (fact.same.value, fact.same.n) == (1.0, 100)
    assert fact.same.low < 1.0
    assert told.agreements == (fact,)


def test_later_export_replaces_what_an_earlier_one_has_found(store):
    card = lite_card("int8")
    store.save_card(card)
    record(store, card, evidence())

    record(store, card, evidence(rows=50))

    (fact,) = store.card(card.model, card.version, card.variant).agreements
    assert fact.same.n == 50


def test_file_that_was_made_anew_meanwhile_keeps_its_own_card(store):
    card = lite_card("int8")
    anew = FileFact(sha256=DIGEST, size_bytes=5)
    store.save_card(card.model_copy(update={"model_file": anew}))

    record(store, card, evidence())

    assert store.card(card.model, card.version, card.variant).agreements == ()


def test_card_of_before_is_read_as_one_that_was_not_exported():
    said = json.loads(lite_card("int8").model_dump_json())
    said.pop("agreements")

    assert Card.model_validate(said).agreements == ()


def test_nothing_is_agreed_where_nothing_was_asked():
    assert agreed(Evidence(dataset="digits", rows=1)) == ()
