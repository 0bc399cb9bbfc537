"""One vLLM server on 127.0.0.1, in its own environment and process group."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from models.errors import ToolFailed

HOST, NAME = "127.0.0.1", "model"
START_TIMEOUT_S, CALL_TIMEOUT_S, STOP_TIMEOUT_S = 1200.0, 600.0, 20.0
_SHOWN_LINES = 3


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `pid` leads the group of its processes."""

    port: int
    pid: int

    def ask(self, path: str, body: Mapping[str, object]) -> Mapping[str, Any]:
        """What it answers to `body` as JSON.

        Raises:
            ToolFailed: it refuses, or is gone.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=CALL_TIMEOUT_S)
        try:
            head = {"Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(body), head)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ToolFailed("llm-serve", path, str(error) or repr(error)) from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            reason = f"{answer.status} {content[:200].decode(errors='replace')}"
            raise ToolFailed("llm-serve", path, reason)
        said: Mapping[str, Any] = json.loads(content)
        return said

    def memory_bytes(self) -> int:
        """The most that its processes have held in memory at once, added up."""
        return sum(_peak_bytes(pid) for pid in _group(self.pid))


def command_of(python: Path, model: Path, port: int, context_tokens: int) -> list[str]:
    """What starts a server; nothing listens beyond this machine."""
    return [
        str(python), "-I", "-m", "vllm.entrypoints.openai.api_server",
        "--model", str(model), "--served-model-name", NAME,
        "--host", HOST, "--port", str(port),
        "--dtype", "bfloat16", "--max-model-len", str(context_tokens),
        "--max-num-seqs", "16", "--no-enable-prefix-caching",
    ]  # fmt: skip


@contextlib.contextmanager
def serving(python: Path, model: Path, context_tokens: int = 1024) -> Iterator[Server]:
    """A server of `model` that answers; it has ended when the block is left.

    Raises:
        ToolFailed: it does not come up.
    """
    port = _free_port()
    command = command_of(python, model, port, context_tokens)
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(  # noqa: S603 - our environment, our arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(python),
            start_new_session=True,
        )
        try:
            _wait(process, port, output)
            yield Server(port, process.pid)
        finally:
            _end(process)


def _environment(python: Path) -> dict[str, str]:
    """Ours, without what would reach out, and with room for a small cache."""
    path = f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {
        **os.environ,
        "PATH": path,
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
    }


def _wait(process: subprocess.Popen[bytes], port: int, output: IO[str]) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ToolFailed("llm-serve", "starting vLLM", _last(output))
        if _is_healthy(port):
            return
        time.sleep(0.5)
    reason = f"it took more than {START_TIMEOUT_S:g} s; {_last(output)}"
    raise ToolFailed("llm-serve", "starting vLLM", reason)


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _last(output: IO[str]) -> str:
    output.seek(0)
    lines = [line.strip() for line in output if "Error" in line] or ["it said nothing"]
    return "; ".join(lines[-_SHOWN_LINES:])


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)


def _free_port() -> int:
    with socket.socket() as held:
        held.bind((HOST, 0))
        port: int = held.getsockname()[1]
        return port


def _group(leader: int) -> Sequence[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            if os.getpgid(int(folder.name)) == leader:
                found.append(int(folder.name))
    return found


def _peak_bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return 0
