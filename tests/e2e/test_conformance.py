"""The unmodified Triton client, in its own environment, against the real service."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_triton_client_finds_what_it_expects(fused, cat, tmp_path):
    photo = tmp_path / "cat.png"
    photo.write_bytes(cat)

    ran = subprocess.run(
        [
            ROOT / ".venv-client" / "bin" / "python",
            ROOT / "tests" / "client" / "conformance.py",
            "--http",
            fused.http.removeprefix("http://"),
            "--grpc",
            fused.grpc,
            "--image",
            photo,
            "--model",
            "efficientnet-lite0",
            "--pipeline",
            "vision",
            "--operate",
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ", 0 failed" in ran.stdout
