"""`headwater demo`: one photo over HTTP, its labels in a table."""

import http.client
import json
import shutil
import time
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from configs.demo import DemoSpec, packaged_demo
from configs.environment import Environment
from models.sources import fetch
from serve_app.cli.console import bars, console
from serve_app.cli.snippets import shown
from serve_app.cluster import dashboard, lifecycle, state
from serve_app.cluster.errors import Unhealthy

TIMEOUT_S = 60.0


def demo(environment: Environment, photo: Path | None) -> None:
    """Send a photo (none: the packaged one) and print the answer.

    Raises:
        NotRunning: there is no local cluster.
        ModelError: the packaged photo cannot be fetched.
        Unhealthy: the service answered with an error.
    """
    lifecycle.require_running(environment)
    spec = packaged_demo()
    sent = photo or packaged_photo(environment, spec)
    details = dashboard.serve_details(
        environment.dashboard_port, state.token_file(environment)
    )
    port = (details.get("http_options") or {}).get("port")
    if port is None:
        raise Unhealthy("the front door", "nothing is deployed; run `headwater up`")
    began = time.monotonic()
    answer = ask(int(port), spec.pipeline, _content(sent))
    took_ms = (time.monotonic() - began) * 1000
    console.print(_table(f"{shown(sent)}, answered in {took_ms:.0f} ms", answer))


def _content(photo: Path) -> bytes:
    try:
        return photo.read_bytes()
    except OSError as error:
        raise Unhealthy(str(photo), error.strerror or "cannot be read") from error


def packaged_photo(environment: Environment, spec: DemoSpec) -> Path:
    """The packaged photo under its own name in the home folder."""
    target = environment.home / spec.file_name
    with bars() as tell:
        cached = fetch(spec.photo, environment.home / "cache", tell)
    shutil.copyfile(cached, target)
    return target


def ask(port: int, pipeline: str, photo: bytes) -> dict[str, Any]:
    """The labels of one photo, as the friendly route gives them.

    Raises:
        Unhealthy: no answer, or an error.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"/v1/pipelines/{pipeline}", photo)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unhealthy(f"pipeline {pipeline}", str(error)) from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise Unhealthy(f"pipeline {pipeline}", f"{answer.status} {body[:500]!r}")
    labels: dict[str, Any] = json.loads(body)
    return labels


def _table(title: str, answer: dict[str, Any]) -> Table:
    table = Table("label", "class", "probability", title=escape(title))
    for row in answer["labels"]:
        table.add_row(
            escape(row["label"]), str(row["class_index"]), f"{row['probability']:.3f}"
        )
    return table
