"""Compares a proto with the Triton client's own: reads descriptors, sends nothing.

    python wire.py FILE

FILE holds a serialized FileDescriptorProto. Every message, field and enum in it must be
in the client's protos with the same number and type; the few that the Open Inference
Protocol has beyond Triton's are named in BEYOND.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from tritonclient.grpc import (  # type: ignore[import-not-found]
    model_config_pb2,
    service_pb2,
)

BEYOND = (
    "ModelMetadataResponse.properties",
    "ModelMetadataResponse.PropertiesEntry.",
)


def facts(file: FileDescriptorProto) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Everything that decides about the bytes, by a name."""
    for message in file.message_type:
        yield from _of_message("", message)
    for enum in file.enum_type:
        yield from _of_enum("", enum)
    for service in file.service:
        for rpc in service.method:
            kinds = (rpc.client_streaming, rpc.server_streaming)
            yield f"{service.name}/{rpc.name}", (rpc.input_type, rpc.output_type, kinds)


def _of_message(owner: str, message: Any) -> Iterator[tuple[str, tuple[object, ...]]]:
    name = f"{owner}{message.name}."
    for field in message.field:
        alone = not field.HasField("oneof_index")
        kind = (field.number, field.type, field.label, field.type_name, alone)
        yield f"{name}{field.name}", kind
    for nested in message.nested_type:
        yield from _of_message(name, nested)
    for enum in message.enum_type:
        yield from _of_enum(name, enum)


def _of_enum(owner: str, enum: Any) -> Iterator[tuple[str, tuple[object, ...]]]:
    for value in enum.value:
        yield f"{owner}{enum.name}.{value.name}", (value.number,)


def main() -> int:
    """Say where the two differ."""
    ours = FileDescriptorProto.FromString(Path(sys.argv[1]).read_bytes())
    theirs: dict[str, tuple[object, ...]] = {}
    for module in (service_pb2, model_config_pb2):
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        theirs.update(facts(file))
    mine = {n: f for n, f in facts(ours) if not n.startswith(BEYOND)}
    wrong = [name for name, fact in mine.items() if theirs.get(name) != fact]
    for name in wrong:
        sys.stdout.write(f"{name}: {theirs.get(name)} there, {mine[name]} here\n")
    sys.stdout.write(f"{len(mine)} compared, {len(wrong)} differ\n")
    return 1 if wrong or not mine else 0


if __name__ == "__main__":
    sys.exit(main())
