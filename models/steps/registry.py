"""The table of steps and judges; what it names is imported when a recipe uses it."""

from collections.abc import Mapping

from models.recipes.pieces import Form
from models.recipes.toolbox import StepEntry, Toolbox

_ONNX = ("onnx", "onnxruntime", "numpy")
_TORCH = ("torch", "numpy", "safetensors")
_LITERT = "models.litert.toolings:quantizer_pins"
_LLM = "models.llm.toolings:compressor_pins"

STEPS: Mapping[str, StepEntry] = {
    "fuse": StepEntry("models.steps.onnx_fuse:run", tools=_ONNX),
    "quantize-dynamic": StepEntry(
        "models.steps.onnx_dynamic:run", tools=_ONNX, on_cpu=True
    ),
    "quantize-static": StepEntry(
        "models.steps.onnx_static:run",
        tools=(*_ONNX, "pillow"),
        data=("calibration",),
        on_cpu=True,
    ),
    "search-int8": StepEntry(
        "models.steps.search:run",
        tools=(*_ONNX, "pillow"),
        data=("calibration", "validation", "evaluation"),
        on_cpu=True,
        on_bar=True,
    ),
    "weight-only": StepEntry("models.steps.onnx_weights:run", tools=_ONNX),
    "half": StepEntry("models.steps.onnx_half:run", tools=_ONNX),
    "train": StepEntry(
        "models.steps.train:run",
        takes="any",
        gives="torch",
        tools=_TORCH,
        data=("train", "validation"),
    ),
    "distil": StepEntry(
        "models.steps.distil:run",
        takes="any",
        gives="torch",
        tools=_TORCH,
        data=("train", "validation"),
    ),
    "prune-unstructured": StepEntry(
        "models.steps.prune:run_unstructured",
        takes="torch",
        gives="torch",
        tools=_TORCH,
        data=("train", "validation"),
    ),
    "prune-channels": StepEntry(
        "models.steps.prune:run_channels",
        takes="torch",
        gives="torch",
        tools=(*_TORCH, "torch-pruning"),
        data=("train", "validation"),
    ),
    "qat": StepEntry(
        "models.steps.qat:run",
        takes="torch",
        tools=(*_TORCH, *_ONNX),
        data=("train", "validation", "calibration"),
        on_cpu=True,
    ),
    "qat-litert": StepEntry(
        "models.steps.qat:run_for_litert",
        takes="torch",
        gives="torch",
        tools=_TORCH,
        data=("train", "validation", "calibration"),
    ),
    "export": StepEntry(
        "models.steps.export:run",
        takes="torch",
        tools=("torch", "onnxscript", *_ONNX),
    ),
    "tensorrt": StepEntry(
        "models.steps.tensorrt:run",
        extra="tensorrt",
        gives="engine",
        environment="models.tensorrt.maker:runtime_here",
    ),
    "llm-dequantize": StepEntry(
        "models.steps.llm_dequantize:run",
        extra="llm-build",
        takes="any",
        gives="llm",
        environment=_LLM,
    ),
    "llm-quantize": StepEntry(
        "models.steps.llm_quantize:run",
        extra="llm-build",
        takes="llm",
        gives="llm",
        environment=_LLM,
        data=("calibration",),
    ),
    "llm-lora": StepEntry(
        "models.steps.llm_lora:run",
        extra="llm-build",
        takes="llm",
        gives="llm",
        environment=_LLM,
        data=("train",),
    ),
    "litert-convert": StepEntry(
        "models.steps.litert_convert:run",
        takes="torch",
        gives="litert",
        tools=_TORCH,
        environment="models.litert.toolings:conversion_pins",
    ),
    "litert-quantize": StepEntry(
        "models.steps.litert_quantize:run",
        extra="edge",
        takes="litert",
        gives="litert",
        tools=("ai-edge-litert", "flatbuffers", "numpy", "pillow"),
        data=("calibration",),
        environment=_LITERT,
    ),
    "litert-check": StepEntry(
        "models.steps.litert_check:run",
        extra="edge",
        takes="litert",
        gives="litert",
        tools=("ai-edge-litert", "numpy", "pillow"),
        data=("evaluation",),
        environment="models.litert.toolings:checker_pins",
    ),
    "executorch-export": StepEntry(
        "models.steps.executorch_export:run",
        takes="torch",
        gives="executorch",
        tools=_TORCH,
        data=("calibration", "evaluation"),
        environment="models.mobile.toolings:executorch_pins",
    ),
    "coreml-export": StepEntry(
        "models.steps.coreml_export:run",
        takes="torch",
        gives="coreml",
        tools=_TORCH,
        data=("evaluation",),
        environment="models.mobile.toolings:mobile_pins",
    ),
    "ort-export": StepEntry(
        "models.steps.ort_export:run",
        gives="ort",
        tools=(*_ONNX, "flatbuffers"),
        data=("evaluation",),
        environment="models.mobile.toolings:ort_pins",
        on_cpu=True,
    ),
}

JUDGES: Mapping[Form, str] = {
    "onnx": "models.recipes.judge:judge_onnx",
    "engine": "models.tensorrt.judge:judge_engine",
    "llm": "models.llm.judge:judge_llm",
    "litert": "models.litert.judge:judge_litert",
    "executorch": "models.mobile.judge:judge_mobile",
    "coreml": "models.mobile.judge:judge_mobile",
    "ort": "models.mobile.judge:judge_mobile",
}

TOOLBOX = Toolbox(STEPS, JUDGES)
