"""What a class gets of a torch program, by what conversions came to."""

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.importing.program_classes import NO_WAY, Tried, classes, converted

DEVICES = load_devices(packaged_catalogue())


def verdict(mapped, total=4):
    return {"ready": mapped == total, "mapped": mapped, "total": total, "reasons": []}


def tried(form, mapped, *names):
    return Tried(form, {name: verdict(mapped) for name in names}, 100)


def test_form_that_is_ready_is_chosen_over_the_one_that_is_named_first():
    some = [tried("litert", 3, "android"), tried("executorch", 4, "android")]

    found = classes(some, DEVICES, 9)["android"]

    assert (found["form"], found["ready"]) == ("executorch", True)


def test_form_that_the_class_names_first_is_chosen_among_ready_ones():
    some = [tried("executorch", 4, "ios"), tried("coreml", 4, "ios")]

    assert classes(some, DEVICES, 9)["ios"]["form"] == "coreml"


def test_nearest_is_chosen_when_none_is_ready():
    some = [tried("litert", 1, "android"), tried("executorch", 3, "android")]

    assert classes(some, DEVICES, 9)["android"]["form"] == "executorch"


def test_class_without_a_conversion_says_why_for_each_of_its_forms():
    some = [
        Tried("litert", reason="it has an operator of its own"),
        Tried("executorch", reason="not tried"),
    ]

    found = classes(some, DEVICES, 9)["android"]

    assert (found["ready"], found["mapped"], found["total"]) == (False, 0, 9)
    assert found["reasons"] == [
        "needs_conversion: litert: it has an operator of its own",
        "needs_conversion: executorch: not tried",
        f"needs_conversion: ort: {NO_WAY}",
    ]
    assert found["needs_conversion"]


def test_every_class_has_a_verdict_when_nothing_was_tried():
    found = classes((), DEVICES, 3)

    assert set(found) == {name.replace("-", "_") for name in DEVICES}
    assert all({"mapped", "total", "reasons"} <= set(one) for one in found.values())


def test_what_was_made_or_why_not_is_told_by_form():
    assert converted([tried("litert", 1), Tried("coreml", reason="no")]) == {
        "litert": {"size_bytes": 100},
        "coreml": {"reason": "no"},
    }
