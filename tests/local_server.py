"""An HTTP server on loopback: the frame of those that stand in for services."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """What is asked: the target (path and query), the headers in any case, body and method."""

    target: str
    headers: Message
    body: bytes
    method: str = "GET"

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def authorisation(self) -> str | None:
        return self.headers.get("Authorization")


@dataclass(frozen=True)
class Reply:
    """One answer: status, body (bytes as they are, anything else as JSON) and headers.

    `declared` is the length that it announces, instead of the body's. With a `pause` it gives a
    byte at a time, and waits so many seconds after each.
    """

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    declared: int | None = None
    pause: float = 0


class LocalServer:
    """Gives the answers of `answer` for as long as its `with` block lasts.

    With `stalled` set nothing is ever answered.
    """

    def __init__(self) -> None:
        self.stalled = False
        self._closing = threading.Event()
        local = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                reply = local.answer(Request(self.path, self.headers, body, self.command))
                self.close_connection = True
                if local.stalled:
                    local._closing.wait()
                    return
                content = reply.body
                if not isinstance(content, bytes):
                    content = json.dumps(content).encode()
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(reply.declared or len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    with suppress(ConnectionError):  # who asked may have given up
                        local._give(self.wfile, content, reply.pause)

            do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = respond  # noqa: N815

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                """Says nothing: the tests' output is not its place."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def _give(self, file: BufferedIOBase, content: bytes, pause: float) -> None:
        if not pause:
            file.write(content)
            return
        for byte in content:
            file.write(bytes([byte]))
            if self._closing.wait(pause):
                return

    def answer(self, request: Request) -> Reply:
        """What to say to a request."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
