"""A web server of one file that can break off, and count what it was asked for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Website:
    """What is served, how it misbehaves, and what was asked of it."""

    content: bytes
    takes_ranges: bool = True
    breaks: list[int] = field(default_factory=list)
    """For each of the next answers with a body, after how many bytes it breaks off."""
    status: int = 200
    asked: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def website(content: bytes) -> Iterator[Website]:
    """Serve `content` at `url` on the loopback address as long as the context lasts."""
    site = Website(content)
    handler = type("Handler", (_Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_address[1]}/model.bin"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Website

    def do_HEAD(self) -> None:
        self._head(self.site.status, len(self.site.content))

    def do_GET(self) -> None:
        site = self.site
        wanted = self.headers.get("Range") if site.takes_ranges else None
        site.asked.append(wanted or "all")
        if site.status != 200:
            self._head(site.status, 0)
            return
        start, stop = _span(wanted, len(site.content))
        body = site.content[start:stop]
        self._head(206 if wanted else 200, len(body), start)
        if site.breaks:
            body = body[: site.breaks.pop(0)]
            self.close_connection = True
        with suppress(ConnectionError):  # a client may leave when it has seen enough
            self.wfile.write(body)

    def _head(self, status: int, length: int, start: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if self.site.takes_ranges:
            self.send_header("Accept-Ranges", "bytes")
        if status == 206:
            stop = start + length - 1
            span = f"bytes {start}-{stop}/{len(self.site.content)}"
            self.send_header("Content-Range", span)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


def _span(wanted: str | None, size: int) -> tuple[int, int]:
    if wanted is None:
        return 0, size
    first, last = wanted.removeprefix("bytes=").split("-")
    return int(first), min(size, int(last) + 1 if last else size)
