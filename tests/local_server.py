"""An HTTP server on loopback: the frame of those that stand in for services."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from io import BufferedIOBase
from typing import Any
from urllib.parse import urlsplit

from release.world.loopback import Answers, Loopback


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


class LocalServer(Loopback):
    """Gives the answers of `answer` for as long as its `with` block lasts.

    With `stalled` set nothing is ever answered; so many `cuts` break off what is sent in its
    middle, one after the other. `heard` is called with each request.
    """

    def __init__(self) -> None:
        self.stalled = False
        self.cuts = 0
        self.heard: Callable[[Request], None] = lambda _request: None
        self._closing = threading.Event()
        local = self

        class Handler(Answers):
            def respond(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                self.close_connection = True
                if length and local.cuts:
                    local.cuts -= 1
                    self.rfile.read(length // 2)
                    return
                request = Request(self.path, self.headers, self.rfile.read(length), self.command)
                local.heard(request)
                reply = local.answer(request)
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

        super().__init__(Handler)

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

    def __exit__(self, *how: Any) -> None:
        self._closing.set()
        super().__exit__(*how)
