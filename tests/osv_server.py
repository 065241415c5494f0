"""A small OSV-compatible server on loopback, loaded with advisories; it can also misbehave.

The interface is `POST /v1/query` of https://google.github.io/osv.dev/post-v1-query/, and versions
are matched by the algorithm of https://ossf.github.io/osv-schema/#evaluation.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from packaging.version import Version

ADVISORIES = Path(__file__).parent / "data" / "audit" / "advisories"


def read_advisories(*names: str) -> list[dict[str, Any]]:
    """The saved advisories of those identifiers; all of them unless named."""
    paths = [ADVISORIES / f"{n}.json" for n in names] or sorted(ADVISORIES.glob("*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def is_affected(advisory: Mapping[str, Any], name: str, version: str) -> bool:
    """Whether an advisory says that a version of a Python package is vulnerable.

    One without `affected` is held to concern everything: such records exist.
    """
    if "affected" not in advisory:
        return True
    for affected in advisory["affected"]:
        if affected["package"] != {"ecosystem": "PyPI", "name": name}:
            continue
        if version in affected.get("versions", ()):
            return True
        for found in affected.get("ranges", ()):
            if found["type"] == "ECOSYSTEM" and _in_range(found["events"], Version(version)):
                return True
    return False


def _in_range(events: Iterable[Mapping[str, str]], version: Version) -> bool:
    def place(event: Mapping[str, str]) -> Version:
        return Version(next(iter(event.values())))

    vulnerable = False
    for event in sorted(events, key=place):
        if version >= place(event):
            vulnerable = "introduced" in event
    return vulnerable


class OsvServer:
    """Serves advisories for as long as its `with` block lasts.

    `status` and `body` replace every answer, `declared` the length that it announces; a `stalled`
    server takes requests and never answers. `credentials` ("user:password") are demanded if given.
    `queries` holds what was asked, as pairs of name and version.
    """

    def __init__(
        self,
        advisories: Sequence[Mapping[str, Any]] = (),
        *,
        status: int = 200,
        body: bytes | None = None,
        declared: int | None = None,
        stalled: bool = False,
        credentials: str | None = None,
    ) -> None:
        self.queries: list[tuple[str, str]] = []
        self._closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                query = json.loads(self.rfile.read(length))
                name, version = query["package"]["name"], query["version"]
                server.queries.append((name, version))
                if stalled:
                    server._closing.wait()
                    self.close_connection = True
                    return
                if credentials is not None and not self._is_authorised(credentials):
                    self._reply(401, b"{}")
                    return
                found = [a for a in advisories if is_affected(a, name, version)]
                answer = json.dumps({"vulns": found} if found else {}).encode()
                self._reply(status, answer if body is None else body)

            def _is_authorised(self, expected: str) -> bool:
                import base64

                given = self.headers.get("Authorization", "")
                return given == f"Basic {base64.b64encode(expected.encode()).decode()}"

            def _reply(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(declared or len(content)))
                self.end_headers()
                with suppress(ConnectionError):
                    self.wfile.write(content)
                self.close_connection = True

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                """Says nothing: the tests' output is not its place."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where queries go."""
        return f"http://127.0.0.1:{self._server.server_port}/v1/query"

    def __enter__(self) -> OsvServer:
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
