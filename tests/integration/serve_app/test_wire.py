"""Our proto says on the wire what the Triton client's own says."""

import asyncio
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from serve_app.oip import inference_pb2

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ROOT / ".venv-client" / "bin" / "python"
WAIT_S = 60


async def test_fields_and_types_are_those_of_the_client(tmp_path: Path) -> None:
    description = FileDescriptorProto()
    inference_pb2.DESCRIPTOR.CopyToProto(description)
    file = tmp_path / "inference.binpb"
    file.write_bytes(description.SerializeToString())

    compare = await asyncio.create_subprocess_exec(
        *(str(CLIENT), str(ROOT / "tests/client/wire.py"), str(file)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(compare.communicate(), WAIT_S)

    assert compare.returncode == 0, said.decode()
