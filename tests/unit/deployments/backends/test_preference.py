"""Which runtime opens a variant, from its form, its Spec, its card and this machine."""

import pytest

from deployments.backends.preference import Here, Pick, Site, pick, prior_s, run_s
from models import machine
from models.card import PreferenceFact, RuntimeTimeFact
from models.errors import NotServable
from tests.stored import took
from tests.tiny_cards import a_plain_card

KIND = machine.kind(machine.describe())
HERE = Here(KIND, has_openvino=True)


def preference(**said):
    times = (RuntimeTimeFact(batch_size=4, onnx_ms=8, ms=6, cpu_share=0.75, turns=9),)
    facts = {"machine": machine.describe(), "times": times, **said}
    return PreferenceFact(runtime="openvino", created="2026-01-02", quality=(), **facts)


PREFERRING = a_plain_card(prefers=preference())


def test_onnx_is_run_by_onnx_runtime_unless_something_else_is_said():
    assert pick(a_plain_card(), Site(), HERE) == Pick("onnxruntime")
    assert pick(a_plain_card(), Site("cuda"), HERE) == Pick("onnxruntime-cuda")


def test_card_that_prefers_another_runtime_gets_it():
    assert pick(PREFERRING, Site(), HERE) == Pick("openvino")


@pytest.mark.parametrize(
    ("wanted", "runtime"), [("onnx", "onnxruntime"), ("openvino", "openvino")]
)
def test_spec_goes_before_the_card(wanted, runtime):
    for card in (PREFERRING, a_plain_card()):
        assert pick(card, Site(wanted=wanted), HERE).runtime == runtime


def test_gpu_that_was_asked_for_goes_before_what_a_card_prefers_on_a_cpu():
    assert pick(PREFERRING, Site("cuda"), HERE).runtime == "onnxruntime-cuda"


def test_preference_without_its_runtime_is_told_and_not_followed():
    found = pick(PREFERRING, Site(), Here(KIND, has_openvino=False))

    assert found.runtime == "onnxruntime"
    assert "pip install headwater[openvino]" in found.note


def test_preference_of_another_kind_of_machine_is_told_and_not_followed():
    found = pick(PREFERRING, Site(), Here("another", has_openvino=True))

    assert found.runtime == "onnxruntime"
    assert "headwater models prefer" in found.note


@pytest.mark.parametrize(
    ("form", "runtime"),
    [("litert", "litert"), ("torch", "torch"), ("engine", "tensorrt")],
)
def test_other_forms_have_one_runtime_each(form, runtime):
    card = a_plain_card(form=form)

    assert pick(card, Site(wanted="openvino"), HERE) == Pick(runtime)


def test_form_that_nothing_opens_is_refused():
    with pytest.raises(NotServable):
        pick(a_plain_card(form="llm"), Site(), HERE)


def test_times_of_a_card_are_those_of_the_runtime():
    card = a_plain_card(prefers=preference(), latency=took(10.0, 1))

    assert run_s(card, "onnxruntime") == {1: 0.01}
    assert run_s(card, "openvino") == {1: 0.01, 4: 0.006}


def test_times_of_a_cpu_are_not_believed_of_a_gpu():
    card = a_plain_card(latency=took(10.0, 1))

    assert prior_s(card, "onnxruntime-cuda") == {}
    assert prior_s(card, "onnxruntime") == {1: 0.01}
