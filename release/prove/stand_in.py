"""Answers on loopback as a forge and as a source of advisories would: with what must be refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from release.world.loopback import Answers, Loopback

HOSTS = ("127.0.0.1", "localhost")
ADVISORY = "PLANTED-2026-0001"


class StandIn(Loopback):
    """A server that lives as long as its `with` block.

    As a forge it says that the workflow `workflow` has failed for whatever commit is asked about
    (the interface is https://docs.github.com/rest); as a source of advisories it calls every
    version of everything vulnerable (https://google.github.io/osv.dev/post-v1-query/).
    """

    def __init__(self, workflow: str) -> None:
        class Handler(Answers, BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                self._answer(_as_forge(workflow, parts.path, parse_qs(parts.query)))

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                self._answer(_as_advisories(asked["package"]["name"], asked["version"]))

            def _answer(self, answer: Any) -> None:
                self.reply(200, json.dumps(answer).encode(), "application/json")

        super().__init__(Handler)


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
