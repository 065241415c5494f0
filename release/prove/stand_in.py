"""Answers on loopback as a forge and as a source of advisories would: with what must be refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

HOSTS = ("127.0.0.1", "localhost")
ADVISORY = "PLANTED-2026-0001"


class StandIn:
    """A server that lives as long as its `with` block.

    As a forge it says that the workflow `workflow` has failed for whatever commit is asked about
    (the interface is https://docs.github.com/rest); as a source of advisories it calls every
    version of everything vulnerable (https://google.github.io/osv.dev/post-v1-query/).
    """

    def __init__(self, workflow: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                self._reply(_as_forge(workflow, parts.path, parse_qs(parts.query)))

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                self._reply(_as_advisories(asked["package"]["name"], asked["version"]))

            def _reply(self, answer: Any) -> None:
                content = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with suppress(ConnectionError):
                    self.wfile.write(content)
                self.close_connection = True

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> StandIn:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _as_forge(workflow: str, path: str, query: dict[str, list[str]]) -> Any:
    if path.endswith("/check-runs"):
        return _listed("check_runs", [])
    if path.endswith("/status"):
        return _listed("statuses", [])
    run = {
        "id": 1,
        "name": workflow,
        "path": f".github/workflows/{workflow}",
        "event": "push",
        "head_branch": "main",
        "head_sha": query.get("head_sha", [""])[0],
        "status": "completed",
        "conclusion": "failure",
        "check_suite_id": 1,
    }
    return _listed("workflow_runs", [run])


def _listed(key: str, items: Sequence[Any]) -> dict[str, Any]:
    return {"total_count": len(items), key: list(items)}


def _as_advisories(name: str, version: str) -> Any:
    package = {"ecosystem": "PyPI", "name": name}
    day = "2026-01-01T00:00:00Z"
    found = {
        "id": ADVISORY,
        "modified": day,
        "published": day,
        "summary": "planted",
        "details": "planted",
        "affected": [{"package": package, "versions": [version], "ranges": []}],
    }
    return {"vulns": [found]}
