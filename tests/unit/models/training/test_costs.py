"""What a network would cost, counted by hand."""

from models.training.costs import NetworkCost, network_cost


def test_multiplications_and_parameters_are_those_of_the_layers():
    options = {"stem": 8, "blocks": "16:2", "classes": 10, "stem_stride": 1}

    found = network_cost("separable", options, (3, 8, 8))

    stem = (64 * 8 * 27, 8 * 27 + 8)
    depthwise = (16 * 8 * 9, 8 * 9 + 8)
    pointwise = (16 * 16 * 8, 16 * 8 + 16)
    head = (10 * 16, 10 * 16 + 10)
    layers = (stem, depthwise, pointwise, head)
    assert found == NetworkCost(
        sum(macs for macs, _ in layers),
        sum(held for _, held in layers),
        3 * 64 + 8 * 64,
    )


def test_twice_as_wide_is_about_four_times_as_much():
    narrow, wide = (
        network_cost("residual", {"stem": w, "stages": f"{w}:{w}:2"}, (3, 28, 28))
        for w in (16, 32)
    )

    assert 3.3 < wide.macs / narrow.macs < 4
    assert 3.3 < wide.parameters / narrow.parameters < 4
