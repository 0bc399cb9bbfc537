"""What LiteRT calls the operators of ONNX; for what would stand against a conversion.

Of an operator that converters make of several, the rarest is named. Operators that are
gone after a conversion are named by nothing.
"""

from collections.abc import Mapping

_PAIRS = """Abs ABS, Add ADD, And LOGICAL_AND, ArgMax ARG_MAX, ArgMin ARG_MIN,
    AveragePool AVERAGE_POOL_2D, BatchNormalization MUL, Cast CAST, Ceil CEIL,
    Clip MINIMUM, Concat CONCATENATION, ConstantOfShape FILL, Conv CONV_2D,
    ConvTranspose TRANSPOSE_CONV, Cos COS, CumSum CUMSUM, DepthToSpace DEPTH_TO_SPACE,
    Div DIV, Elu ELU, Equal EQUAL, Exp EXP,
    Expand BROADCAST_TO, Flatten RESHAPE, Floor FLOOR, Gather GATHER, GatherND GATHER_ND,
    Gelu GELU, Gemm FULLY_CONNECTED, GlobalAveragePool MEAN, GlobalMaxPool REDUCE_MAX,
    Greater GREATER, GreaterOrEqual GREATER_EQUAL, HardSigmoid MINIMUM,
    HardSwish HARD_SWISH, InstanceNormalization RSQRT, LSTM UNIDIRECTIONAL_SEQUENCE_LSTM,
    LayerNormalization RSQRT, LeakyRelu LEAKY_RELU, Less LESS, LessOrEqual LESS_EQUAL,
    Log LOG, LogSoftmax LOG_SOFTMAX, MatMul FULLY_CONNECTED, Max MAXIMUM,
    MaxPool MAX_POOL_2D, Mean ADD_N, Min MINIMUM, Mul MUL, Neg NEG,
    NonMaxSuppression NON_MAX_SUPPRESSION_V4, NonZero WHERE, Not LOGICAL_NOT,
    OneHot ONE_HOT, Or LOGICAL_OR, PRelu PRELU, Pad PAD, Pow POW, QLinearAdd ADD,
    QLinearConv CONV_2D, QLinearMatMul FULLY_CONNECTED,
    Range RANGE, Reciprocal DIV, ReduceMax REDUCE_MAX, ReduceMean MEAN,
    ReduceMin REDUCE_MIN, ReduceProd REDUCE_PROD, ReduceSum SUM, Relu RELU,
    Reshape RESHAPE, Resize RESIZE_BILINEAR, Round ROUND, ScatterND SCATTER_ND,
    Shape SHAPE, Sigmoid LOGISTIC, Sign SIGN, Sin SIN, Slice STRIDED_SLICE,
    Softmax SOFTMAX, SpaceToDepth SPACE_TO_DEPTH, Split SPLIT_V, Sqrt SQRT,
    Squeeze SQUEEZE, Sub SUB, Sum ADD_N, Tanh TANH, Tile TILE, TopK TOPK_V2,
    Transpose TRANSPOSE, Unsqueeze EXPAND_DIMS, Upsample RESIZE_BILINEAR,
    Where SELECT_V2"""

LITERT: Mapping[str, str] = dict(pair.split() for pair in _PAIRS.split(","))
GONE = frozenset(
    ("Constant", "DequantizeLinear", "Dropout", "Identity", "QuantizeLinear")
)
"""Rounding becomes the types of tensors."""
