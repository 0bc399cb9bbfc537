"""Regenerates the gRPC stubs: `python -m serve_app.oip.generate [FOLDER]`.

The stubs are committed, so that serving needs no compiler; a test holds them to the
proto. Needs the `dev` extra.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROTO = Path("serve_app/oip/inference.proto")
STUBS = ("inference_pb2.py", "inference_pb2.pyi", "inference_pb2_grpc.py")


def generate(into: Path) -> None:
    """Write the three stub files under `into`/serve_app/oip.

    Raises:
        subprocess.CalledProcessError: the compiler refused the proto.
    """
    # From the repository's root: the path of the proto becomes the import in the stubs.
    subprocess.run(  # noqa: S603 - our own words and one path
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "--proto_path=."),
            f"--python_out={into}",
            f"--pyi_out={into}",
            f"--grpc_python_out={into}",
            str(PROTO),
        ],
        cwd=ROOT,
        check=True,
    )


if __name__ == "__main__":
    generate(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
