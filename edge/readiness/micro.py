"""Whether LiteRT for microcontrollers has the operators of a file; the file as C. Pure."""

from collections.abc import Iterator

from edge.readiness.findings import DATATYPE, RUNS, UNSUPPORTED, Finding
from models.litert.graph import Graph, Op

_OPERATORS = """ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL
    BATCH_TO_SPACE_ND BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION
    CONV_2D COS CUMSUM DEPTH_TO_SPACE DEPTHWISE_CONV_2D DEQUANTIZE DIV ELU
    EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD
    FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION
    L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOG_SOFTMAX LOGICAL_AND LOGICAL_NOT
    LOGICAL_OR LOGISTIC MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL
    PACK PAD PADV2 PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU
    RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT
    SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V
    SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE
    TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE"""
OPERATORS = frozenset(_OPERATORS.split())
"""What `MicroMutableOpResolver` of tflite-micro can be given (its public header, 2025)."""

ROUNDING = ("QUANTIZE", "DEQUANTIZE")
"""These go between floats and INT8 at the ends; the rest is to be INT8."""

A_LINE = 12


def findings(graph: Graph) -> tuple[Finding, ...]:
    """One finding for each operator, in order."""
    return tuple(_finding(graph, op) for op in graph.ops)


def _finding(graph: Graph, op: Op) -> Finding:
    name = op.custom or op.name
    if op.name not in OPERATORS:
        fix = "compute it in the application, or with operators that are there"
        return Finding(name, op.version, UNSUPPORTED, "no kernel for it", fix)
    wide = any(tensor.datatype == "FLOAT32" for tensor in graph.of(op.outputs))
    if wide and op.name not in ROUNDING:
        fix = "quantize all of it to INT8"
        return Finding(name, op.version, DATATYPE, "it computes in float", fix)
    return Finding(name, op.version, RUNS)


def as_c_array(content: bytes, name: str) -> str:
    """The file as the C source that a firmware links, aligned as the runtime wants it."""
    lines = "\n".join(_lines(content))
    return (
        "/* Made by headwater. */\n#include <stdint.h>\n\n"
        f"__attribute__((aligned(16))) const uint8_t {name}[] = {{\n{lines}\n}};\n"
        f"const unsigned int {name}_len = {len(content)};\n"
    )


def _lines(content: bytes) -> Iterator[str]:
    for start in range(0, len(content), A_LINE):
        row = content[start : start + A_LINE]
        yield "  " + ", ".join(f"0x{byte:02x}" for byte in row) + ","
