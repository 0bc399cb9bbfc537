"""A gRPC inference request as it came, with its raw tensors where they arrived. Pure.

protobuf copies a raw tensor when it parses a message, once more when it is read, and twice
to tell the message's size. Here the fields of the outermost level are walked over instead:
tensors are views of the bytes that came, protobuf parses what is left.

Wire format: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from serve_app.oip import inference_pb2 as pb
from serve_app.oip.tensors import Buffer

RAW = pb.ModelInferRequest.RAW_INPUT_CONTENTS_FIELD_NUMBER
VARINT, EIGHT_BYTES, COUNTED, FOUR_BYTES = 0, 1, 2, 5
"""Wire types; groups, which are 3 and 4, no such message has."""

LONGEST_VARINT = 10

MOST_FIELDS = 4096
"""A message of more is left to protobuf, which walks over small fields faster."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request: `head` is everything but the raw tensors."""

    head: pb.ModelInferRequest
    raw: Sequence[Buffer]
    size_bytes: int

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled with copies: Ray Serve's own proxy sends it to a replica so."""
        return Arrival, (self.head, [bytes(raw) for raw in self.raw], self.size_bytes)


def arrived(content: bytes) -> Arrival:
    """Read one message; what a gRPC server uses in place of `FromString`.

    Raises:
        google.protobuf.message.DecodeError: it is no such message.
    """
    try:
        kept, raw = split(memoryview(content))
    except (
        IndexError,
        ValueError,
    ):  # protobuf says what is wrong, or makes sense of it
        return of_message(pb.ModelInferRequest.FromString(content))
    head = pb.ModelInferRequest.FromString(b"".join(kept))
    return Arrival(head, raw, len(content))


def of_message(message: pb.ModelInferRequest) -> Arrival:
    """The same of a message that somebody else has parsed."""
    return Arrival(message, message.raw_input_contents, message.ByteSize())


def split(content: memoryview) -> tuple[list[memoryview], list[memoryview]]:
    """What lies between raw tensors, neighbouring fields in one piece, and the raw tensors.

    Raises:
        IndexError: it ends within a field.
        ValueError: a field has another wire type than those above, or there are too many.
    """
    kept, raw, run, start, fields = [], [], 0, 0, 0
    while start < len(content):
        fields += 1
        if fields > MOST_FIELDS:
            raise ValueError(fields)
        key, at = _varint(content, start)
        begins, ends = _value(content, key & 7, at)
        if key == RAW << 3 | COUNTED:
            raw.append(content[begins:ends])
            kept.append(content[run:start])
            run = ends
        start = ends
    kept.append(content[run:])
    return kept, raw


def _value(content: memoryview, wire_type: int, at: int) -> tuple[int, int]:
    """Where the value of a field begins and ends."""
    if wire_type == COUNTED:
        size, begins = _varint(content, at)
        ends = begins + size
    elif wire_type == VARINT:
        begins, (_, ends) = at, _varint(content, at)
    elif wire_type in (EIGHT_BYTES, FOUR_BYTES):
        begins, ends = at, at + (8 if wire_type == EIGHT_BYTES else 4)
    else:
        raise ValueError(wire_type)
    if ends > len(content):
        raise IndexError(ends)
    return begins, ends


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for place in range(LONGEST_VARINT):
        byte = content[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError(at)
