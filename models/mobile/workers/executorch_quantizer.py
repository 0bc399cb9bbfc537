"""How a network becomes INT8 for XNNPACK: one scale a channel, absolute ranges.

ExecuTorch's own settings smooth ranges with histograms, bound scales of weights below at
2^-12, and round a convolution before its ReLU6 as well as behind it; on EfficientNet-Lite
each costs accuracy. Here a ReLU6 that follows a convolution, a sum or a full layer is a
ReLU whose range ends at 6: saturating there is what ReLU6 does, and nothing is rounded
before it.
"""

from dataclasses import replace
from typing import Any

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import XNNPACKQuantizer
from torchao.quantization.pt2e import MinMaxObserver, PerChannelMinMaxObserver
from torchao.quantization.pt2e.quantizer import (
    QuantizationAnnotation,
    QuantizationConfig,
    QuantizationSpec,
    SharedQuantizationSpec,
)

SIX = 6.0
LEAST_STEP = 1e-6
"""Of an activation's scale; 8 bits of it are far below what any layer gives."""

_ATEN = torch.ops.aten
SUMS = (
    _ATEN.conv2d.default, _ATEN.convolution.default, _ATEN.linear.default,
    _ATEN.add.Tensor, _ATEN.add_.Tensor,
)  # fmt: skip
CAPPED = (
    _ATEN.hardtanh.default, _ATEN.hardtanh_.default, _ATEN.relu6.default,
    _ATEN.relu6_.default,
)  # fmt: skip
MARK = "capped_at_six"
ANNOTATION = "quantization_annotation"


class UpToSix(MinMaxObserver):  # type: ignore[misc]
    """Notes a range that ends at 6, and passes nothing above it on."""

    def forward(self, values: Any) -> Any:
        """`values`, cut off at 6."""
        return super().forward(values.clamp(max=SIX))


class Int8(XNNPACKQuantizer):  # type: ignore[misc]
    """Annotates a network; weights of a channel below `channel_floor` are lifted to it."""

    def __init__(self, channel_floor: float) -> None:
        super().__init__()
        self.set_global(_config(channel_floor))

    def transform_for_annotation(self, model: Any) -> Any:
        """Turn each ReLU6 behind a sum into a ReLU that is marked."""
        for node in model.graph.nodes:
            if node.target in CAPPED and _is_fused(node):
                node.target, node.args, node.kwargs = (
                    _ATEN.relu.default, node.args[:1], {},
                )  # fmt: skip
                node.meta[MARK] = True
        model.recompile()
        return super().transform_for_annotation(model)

    def annotate(self, model: Any) -> Any:
        """Say what is rounded; marked ones end at 6, paddings keep their input's steps."""
        model = super().annotate(model)
        for node in model.graph.nodes:
            said = node.meta.get(ANNOTATION)
            if node.meta.get(MARK) and said is not None and said.output_qspec:
                said.output_qspec = replace(
                    said.output_qspec,
                    observer_or_fake_quant_ctr=UpToSix.with_args(eps=LEAST_STEP),
                )
            if node.target == _ATEN.pad.default:
                _share(node, self.global_config.input_activation)
        return model


def _is_fused(node: Any) -> bool:
    """Whether it ends at 0 and 6, and what it follows is a sum that nobody else reads."""
    before = node.args[0]
    bounds = tuple(node.args[1:]) or (0.0, SIX)
    return before.target in SUMS and len(before.users) == 1 and bounds == (0.0, SIX)


def _share(node: Any, activations: Any) -> None:
    """Have what `node` gives in the steps of what it takes."""
    before = node.args[0]
    node.meta[ANNOTATION] = QuantizationAnnotation(
        input_qspec_map={before: activations},
        output_qspec=SharedQuantizationSpec((before, node)),
        _annotated=True,
    )


def _config(channel_floor: float) -> Any:
    activations = QuantizationSpec(
        dtype=torch.int8,
        quant_min=-128,
        quant_max=127,
        qscheme=torch.per_tensor_affine,
        observer_or_fake_quant_ctr=MinMaxObserver.with_args(eps=LEAST_STEP),
    )
    weights = QuantizationSpec(
        dtype=torch.int8,
        quant_min=-127,
        quant_max=127,
        qscheme=torch.per_channel_symmetric,
        ch_axis=0,
        observer_or_fake_quant_ctr=PerChannelMinMaxObserver.with_args(
            eps=channel_floor / 127
        ),
    )
    return QuantizationConfig(activations, activations, weights, None, False)
