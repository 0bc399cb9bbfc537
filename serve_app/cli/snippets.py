"""Lines that a reader can copy, for the service that runs now. Pure."""

import os
import shlex
from pathlib import Path

from configs.demo import packaged_demo
from configs.environment import Environment
from serve_app.cluster.serve_file import ServeFile

HTTP = """
# HTTP, curl
curl --data-binary {upload} http://127.0.0.1:{http}/v1/pipelines/{pipeline}

# HTTP, Python
from pathlib import Path
from urllib.request import urlopen
photo = Path({photo!r}).read_bytes()
print(urlopen("http://127.0.0.1:{http}/v1/pipelines/{pipeline}", photo).read().decode())
"""

GRPC = """
# gRPC, Python (pip install 'tritonclient[grpc]' in a venv of its own)
import numpy as np, tritonclient.grpc as oip
client = oip.InferenceServerClient("127.0.0.1:{grpc}")
image = oip.InferInput("image", [1], "BYTES")
image.set_data_from_numpy(np.array([open({photo!r}, "rb").read()], dtype=object))
print(client.infer("{pipeline}", [image]).as_numpy("label"))
"""

OPERATE = """
# Operate it by hand (also in {env})
source {env}
serve status
serve deploy {config}
headwater down    # ends it, as make stop does
"""


def next_steps(environment: Environment, file: ServeFile) -> str:
    """What to do with a service that is healthy."""
    demo = packaged_demo()
    parts = HTTP + (GRPC if file.grpc_port is not None else "") + OPERATE
    photo = shown(environment.home / demo.file_name)
    return parts.format(
        photo=photo,
        upload=shlex.quote(f"@{photo}"),
        http=file.http_port,
        grpc=file.grpc_port,
        pipeline=demo.pipeline,
        env=shlex.quote(shown(environment.home / "env.sh")),
        config=shlex.quote(shown(file.path)),
    )


def shown(path: Path) -> str:
    """A path as the reader would type it: relative when it is below here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
