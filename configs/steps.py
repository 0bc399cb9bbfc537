"""The Specs of the steps that a recipe may hold; one word in `step` chooses each.

What runs a step is in `models/steps`; here is only what a recipe may say.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from configs.augmentation import AugmentationSpec
from configs.edge_steps import EdgeStep
from configs.model import Id
from configs.spec import Spec

NodeName = Annotated[str, Field(min_length=1)]


class ReferenceSpec(Spec):
    """Something that was made before: a model, an ensemble, or another recipe's piece."""

    model: Id | None = Field(None, description="A model: its FP32 variant.")
    pipeline: Id | None = Field(None, description="A pipeline: its members' vote.")
    recipe: Id | None = Field(None, description="A recipe: its last piece.")

    @model_validator(mode="after")
    def _names_one(self) -> "ReferenceSpec":
        if (
            sum(name is not None for name in (self.model, self.pipeline, self.recipe))
            != 1
        ):
            raise ValueError("name one of model, pipeline and recipe")
        return self


class FuseStep(Spec):
    """ONNX Runtime's fusions and folded constants, written into the graph."""

    step: Literal["fuse"]
    level: Literal["basic", "extended", "all"] = Field(
        "extended", description="`all` also lays tensors out for this CPU alone."
    )


class QuantizeDynamicStep(Spec):
    """INT8 weights; activation ranges are found anew in every run. No photos needed."""

    step: Literal["quantize-dynamic"]
    per_channel: bool = True
    weights: Literal["int8", "uint8"] = "int8"
    reduce_range: Literal["auto", "true", "false"] = "auto"


class QuantizeStaticStep(Spec):
    """INT8 in QDQ form, its activation ranges found on calibration photos."""

    step: Literal["quantize-static"]
    calibration: Id | None = Field(
        None, description="A dataset; none: the recipe's `data.calibration`."
    )
    method: Literal["minmax", "entropy", "percentile"] = "minmax"
    percentile: float = Field(99.99, gt=50, le=100)
    per_channel: bool = True
    bias_correction: bool = True
    style: Literal["cpu", "tensorrt"] = Field(
        "cpu", description="`tensorrt`: symmetric INT8 activations, biases in float."
    )
    reduce_range: Literal["auto", "true", "false"] = Field(
        "auto", description="7-bit weights; `auto`: where this CPU would saturate."
    )
    keep_float: tuple[NodeName, ...] = Field((), description="Nodes left in float.")


class SearchInt8Step(Spec):
    """The smallest INT8 model that clears the bar: worst layers stay in float."""

    step: Literal["search-int8"]
    calibration: Id | None = None
    candidates: tuple[Literal["minmax", "entropy", "percentile"], ...] = Field(
        ("minmax", "percentile"), min_length=1, description="Methods to try."
    )
    percentile: float = Field(99.99, gt=50, le=100)
    bias_correction: bool = True
    reduce_range: Literal["auto", "true", "false"] = "auto"
    max_float_layers: int = Field(8, ge=0, description="Layers that may stay in float.")
    max_photos: int = Field(256, ge=1, description="Photos a sensitivity is judged on.")
    budget_s: float | None = Field(
        None,
        gt=0,
        description="Stop trying after so long; the result then depends on the machine.",
    )


class WeightOnlyStep(Spec):
    """MatMul weights in blocks of few bits; activations stay in float."""

    step: Literal["weight-only"]
    bits: Literal[4, 8] = 4
    block_size: Literal[16, 32, 64, 128, 256] = 32
    accuracy_level: Literal[0, 1, 2, 3, 4] = Field(
        4, description="ONNX Runtime's; 4 computes in INT8, 0 as the input comes."
    )
    symmetric: bool = True


class HalfStep(Spec):
    """16-bit floats."""

    step: Literal["half"]
    datatype: Literal["fp16", "bf16"] = "fp16"
    keep_io: bool = Field(True, description="Inputs and outputs stay FP32.")
    keep: tuple[str, ...] = Field((), description="Operator types left in FP32.")


class TrainStep(Spec):
    """Train an architecture from scratch, or go on with the source's weights."""

    step: Literal["train"]
    architecture: Id | None = Field(None, description="None: the source's own.")
    options: dict[str, int | float | str] = Field(
        {}, description="What the architecture takes: width, depth."
    )
    epochs: int = Field(20, ge=1)
    batch: int = Field(64, ge=1)
    lr: float = Field(1e-3, gt=0)
    patience: int = Field(5, ge=1, description="Epochs without gain before the end.")
    augmentation: AugmentationSpec = AugmentationSpec()


class DistilStep(Spec):
    """Train a student on a teacher's soft labels, which are kept on disk."""

    step: Literal["distil"]
    teacher: ReferenceSpec
    student: Id = Field(description="An architecture.")
    options: dict[str, int | float | str] = Field(
        {}, description="What the architecture takes: width, depth."
    )
    temperature: float = Field(4.0, gt=0)
    alpha: float = Field(0.7, ge=0, le=1, description="Weight of the teacher's part.")
    feature_hint: float = Field(0.0, ge=0, description="Weight of hints; 0: none.")
    epochs: int = Field(30, ge=1)
    batch: int = Field(64, ge=1)
    lr: float = Field(1e-3, gt=0)
    patience: int = Field(6, ge=1)
    augmentation: AugmentationSpec = AugmentationSpec()
    compare_without_teacher: bool = Field(
        True, description="Also train the student on labels alone, for the report."
    )


class PruneUnstructuredStep(Spec):
    """The smallest weights become zero, in rounds with training between."""

    step: Literal["prune-unstructured"]
    sparsity: float = Field(0.5, gt=0, lt=1, description="Share of weights at the end.")
    rounds: int = Field(3, ge=1, description="Of a cubic schedule.")
    finetune_epochs: int = Field(2, ge=0, description="After each round.")
    batch: int = Field(64, ge=1)
    lr: float = Field(1e-4, gt=0)


class PruneChannelsStep(Spec):
    """Whole channels go, in rounds with training between; shapes really shrink."""

    step: Literal["prune-channels"]
    ratio: float = Field(0.5, gt=0, lt=1, description="Share of channels at the end.")
    rounds: int = Field(3, ge=1)
    round_to: int = Field(8, ge=1, description="Channels stay a multiple of it.")
    finetune_epochs: int = Field(2, ge=0, description="After each round.")
    batch: int = Field(64, ge=1)
    lr: float = Field(1e-4, gt=0)


class QatStep(Spec):
    """Train on with fake quantization, from the ranges that calibration gives."""

    step: Literal["qat"]
    epochs: int = Field(3, ge=1)
    batch: int = Field(64, ge=1)
    lr: float = Field(1e-4, gt=0)
    weights_bits: Literal[4, 8] = 8
    calibration_batches: int = Field(8, ge=1)


class ExportStep(Spec):
    """A torch piece becomes ONNX, its numbers compared with the source's."""

    step: Literal["export"]
    opset: int = Field(21, ge=17, le=23)


class ProfileSpec(Spec):
    """Batch sizes an engine is built for."""

    min: int = Field(1, ge=1)
    opt: int = Field(8, ge=1)
    max: int = Field(32, ge=1)

    @model_validator(mode="after")
    def _is_ordered(self) -> "ProfileSpec":
        if not self.min <= self.opt <= self.max:
            raise ValueError("min, opt and max must not fall")
        return self


class TensorrtStep(Spec):
    """An engine for the GPU of this machine."""

    step: Literal["tensorrt"]
    precision: Literal["fp16", "int8", "fp8"] = Field(
        "fp16", description="INT8 and FP8 need Q/DQ from a step before."
    )
    profile: ProfileSpec = ProfileSpec()
    refit: bool = Field(False, description="Weights may be replaced without a build.")


class LlmDequantizeStep(Spec):
    """A GGUF file becomes a folder of safetensors."""

    step: Literal["llm-dequantize"]
    datatype: Literal["bf16", "fp16", "fp32"] = "bf16"


class LlmQuantizeStep(Spec):
    """Weights, and for some schemes activations, in few bits, as vLLM loads them."""

    step: Literal["llm-quantize"]
    scheme: Literal["W8A8", "W4A16", "FP8", "NF4"] = "W8A8"
    method: Literal["auto", "rtn", "gptq", "awq"] = Field(
        "auto", description="`auto`: what suits the scheme."
    )
    group_size: int = Field(128, ge=16, description="Of W4A16.")
    symmetric: bool = Field(
        True, description="Of W4A16; false gives each group a zero point."
    )
    eight_bit: tuple[str, ...] = Field(
        (),
        description="Layers of W4A16 whose weights get eight bits (a name or `re:` regular "
        "expression): those that lose most by four.",
    )
    smoothing: float = Field(
        0.8, ge=0, le=1, description="SmoothQuant of W8A8; 0: none."
    )
    ignore: tuple[str, ...] = Field(
        ("lm_head",), description="Layers left as they are."
    )
    calibration_samples: int = Field(128, ge=1)
    sequence_tokens: int = Field(512, ge=16)


class LlmLoraStep(Spec):
    """Fine-tune with low-rank adapters on the training text, and merge them."""

    step: Literal["llm-lora"]
    rank: int = Field(8, ge=1)
    alpha: float = Field(16.0, gt=0, description="Scale of the adapters, over rank.")
    targets: tuple[str, ...] = Field(
        ("q_proj", "k_proj", "v_proj", "o_proj"), description="Modules to adapt."
    )
    steps: int = Field(100, ge=1, description="Optimiser steps.")
    batch: int = Field(4, ge=1)
    sequence_tokens: int = Field(256, ge=16)
    lr: float = Field(2e-4, gt=0)


AnyStep = Annotated[
    FuseStep
    | QuantizeDynamicStep
    | QuantizeStaticStep
    | SearchInt8Step
    | WeightOnlyStep
    | HalfStep
    | TrainStep
    | DistilStep
    | PruneUnstructuredStep
    | PruneChannelsStep
    | QatStep
    | ExportStep
    | TensorrtStep
    | LlmDequantizeStep
    | LlmQuantizeStep
    | LlmLoraStep
    | EdgeStep,
    Field(discriminator="step"),
]
