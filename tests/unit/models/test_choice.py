"""Which variant `auto` takes."""

import pytest
import yaml

from configs.catalogue import load_catalogue
from configs.errors import ConfigError
from configs.pipeline import ChoiceBarSpec, MemberSpec, TargetSpec
from models import machine, timing
from models.choice import choose, member_card
from models.errors import NothingClears, NotServable, VariantNotFound
from models.store import Store
from tests.stored import a_card, add, lost, took
from tests.tiny_models import make_tiny_catalogue

ELSEWHERE = {"architecture": "aarch64", "cpu": "Neoverse", "int8": "exact"}


@pytest.fixture
def root(tmp_path):
    return make_tiny_catalogue(tmp_path)


@pytest.fixture
def spec(root):
    return load_catalogue(root).models["tiny-a"]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def put(store, spec, tmp_path):
    def save(variant, content=b"x", **facts):
        card = a_card(spec, variant, add(store, tmp_path, content), **facts)
        store.save_card(card)
        return card

    return save


def auto(bar=None, target=None):
    bar_spec = ChoiceBarSpec(**bar) if bar else None
    target_spec = TargetSpec(**target) if target else None
    return MemberSpec(model="tiny-a", variant="auto", bar=bar_spec, target=target_spec)


def chosen(store, spec, member):
    return choose(store, spec, member).chosen.card.variant


def test_fastest_variant_whose_whole_interval_clears_is_taken(store, spec, put):
    put("fp32-onnx", latency=took(9.0))
    put("int8-onnx", latency=took(4.0), quality=lost(0.2, 0.5))
    put("int4", latency=took(1.0), quality=lost(0.9, 0.5))

    assert chosen(store, spec, auto()) == "int8-onnx"


def test_few_photos_do_not_clear_a_bar_unless_it_is_said_so(store, spec, put):
    put("fp32-onnx", latency=took(9.0))
    put("int8-onnx", latency=took(4.0), quality=lost(0.0, 8.0))

    assert chosen(store, spec, auto()) == "fp32-onnx"
    assert chosen(store, spec, auto(bar={"judged": "overlaps"})) == "int8-onnx"


def test_smaller_one_is_taken_of_two_as_fast(store, spec, put):
    put("large", b"x" * 9, latency=took(4.0), quality=lost(0, 0.1))
    put("small", b"x", latency=took(4.0), quality=lost(0, 0.1))

    assert chosen(store, spec, auto()) == "small"


def test_variant_that_was_never_timed_comes_last(store, spec, put):
    put("fp32-onnx", b"x" * 9, latency=took(9.0))
    put("untimed", b"x", quality=lost(0, 0.1))

    assert chosen(store, spec, auto()) == "fp32-onnx"


def test_time_of_the_asked_batch_counts(store, spec, put):
    put("fp32-onnx", latency=took(1.0) + took(50.0, 8))
    put("wide", latency=took(2.0) + took(10.0, 8), quality=lost(0, 0.1))

    assert chosen(store, spec, auto(target={"batch_size": 8})) == "wide"


@pytest.mark.parametrize(
    ("bar", "target", "why"),
    [
        (
            {"max_drop_points": 0.05},
            None,
            "loses 0.00 (-0.10 to 0.10) points on photos",
        ),
        ({"min_agreement": 0.96}, None, "agrees on 97.00 (95.00 to 99.00)% of photos"),
        ({"dataset": "other"}, None, "was not measured on other"),
        (None, {"max_latency_ms": 3.0}, "takes 4 ms"),
        (
            None,
            {"max_latency_ms": 9, "threads": 2},
            "was not timed at batch 1, 2 threads",
        ),
        (None, {"max_size_bytes": 8}, "has 9 bytes"),
    ],
)
def test_when_nothing_clears_each_variant_says_why(store, spec, put, bar, target, why):
    put("int8-onnx", b"x" * 9, latency=took(4.0), quality=lost(0, 0.1))

    with pytest.raises(NothingClears) as refused:
        choose(store, spec, auto(bar, target))

    assert str(refused.value).endswith(f": int8-onnx {why}")


def test_empty_store_says_so(store, spec):
    with pytest.raises(NothingClears, match="nothing is stored"):
        choose(store, spec, auto())


def test_form_that_no_replica_opens_is_refused(store, spec, put):
    put("fp16-trt", form="engine", latency=took(1.0), quality=lost(0, 0.1))
    put("fp32-onnx", latency=took(9.0))

    assert chosen(store, spec, auto()) == "fp32-onnx"


def test_variant_of_other_weights_is_refused(store, spec, put):
    put("fp32-onnx", latency=took(9.0))
    put("int8-onnx", latency=took(1.0), quality=lost(0, 0.1), source_sha256="0" * 64)

    assert chosen(store, spec, auto()) == "fp32-onnx"


def test_time_of_another_kind_of_machine_counts_with_a_warning(store, spec, put):
    put("fp32-onnx", latency=took(9.0))
    put("int8-onnx", latency=took(4.0), quality=lost(0, 0.1), machine=ELSEWHERE)

    choice = choose(store, spec, auto())

    assert choice.chosen.card.variant == "int8-onnx"
    assert "int8-onnx was timed on another kind of machine" in choice.warning


def test_time_taken_here_replaces_the_other_one(store, spec, put):
    put("fp32-onnx", b"1", latency=took(9.0))
    card = put(
        "int8-onnx", b"2", latency=took(4.0), quality=lost(0, 0.1), machine=ELSEWHERE
    )

    timing.keep(store, card, took(30.0), machine.describe())
    choice = choose(store, spec, auto())

    assert choice.chosen.card.variant == "fp32-onnx"
    assert choice.warning == ""


def test_timing_that_cannot_be_read_counts_as_not_there(store, spec, put):
    card = put("fp32-onnx", latency=took(9.0), machine=ELSEWHERE)
    timing.keep(store, card, took(30.0), machine.describe())
    (file,) = store.root.glob("latency/*/*.json")
    file.write_text("{")

    assert choose(store, spec, auto()).chosen.latency == took(9.0)[0]


def test_member_without_a_variant_gets_the_models_own(store, spec, put):
    card = put("fp32-onnx")

    assert member_card(store, spec, MemberSpec(model="tiny-a")) == card
    assert member_card(store, spec, None) == card


def test_member_gets_the_variant_it_names(store, spec, put):
    put("fp32-onnx")
    card = put("int8-auto")

    found = member_card(store, spec, MemberSpec(model="tiny-a", variant="int8-auto"))

    assert found == card


def test_named_variant_of_other_weights_is_not_found(store, spec, put):
    put("fp32-onnx", source_sha256="0" * 64)

    with pytest.raises(VariantNotFound, match="fp32-onnx as its file is now"):
        member_card(store, spec, None)


def test_named_variant_in_another_form_is_refused(store, spec, put):
    put("int4-llm", form="llm")

    with pytest.raises(NotServable, match="tiny-a int4-llm is llm, which no"):
        member_card(store, spec, MemberSpec(model="tiny-a", variant="int4-llm"))


def test_form_of_another_runtime_is_served_where_it_is_named(store, spec, put):
    put("fp32-onnx", latency=took(9.0))
    card = put("int8-trt", form="engine", latency=took(0.1))

    named = member_card(store, spec, MemberSpec(model="tiny-a", variant="int8-trt"))
    chosen = choose(store, spec, auto())

    assert named == card
    assert chosen.chosen.card.variant == "fp32-onnx"
    assert chosen.candidates[-1].refusal == (
        "is engine, which is served where it is named"
    )


@pytest.mark.parametrize("key", ["bar", "target"])
def test_bar_without_auto_is_refused(root, key):
    file = root / "pipelines" / "tiny.yaml"
    content = yaml.safe_load(file.read_text())
    content["ensemble"]["members"] = [{"model": "tiny-a", key: {}}]
    file.write_text(yaml.safe_dump(content))

    with pytest.raises(ConfigError, match="bar and target need variant: auto"):
        load_catalogue(root)
