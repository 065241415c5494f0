"""A small OSV-compatible server on loopback, loaded with advisories; it can also misbehave.

The interface is `POST /v1/query` of https://google.github.io/osv.dev/post-v1-query/, and versions
are matched by the algorithm of https://ossf.github.io/osv-schema/#evaluation.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.version import Version

from tests.local_server import LocalServer, Reply, Request

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


class OsvServer(LocalServer):
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
        super().__init__()
        self.stalled = stalled
        self.queries: list[tuple[str, str]] = []
        self._advisories = advisories
        self._reply = Reply(status, body, declared=declared)
        self._expected = credentials and base64.b64encode(credentials.encode()).decode()

    @property
    def url(self) -> str:
        """Where queries go."""
        return f"{self.address}/v1/query"

    def answer(self, request: Request) -> Reply:
        query = json.loads(request.body)
        name, version = query["package"]["name"], query["version"]
        self.queries.append((name, version))
        if self._expected and request.authorisation != f"Basic {self._expected}":
            return Reply(401)
        if self._reply.body is not None:
            return self._reply
        found = [a for a in self._advisories if is_affected(a, name, version)]
        return replace(self._reply, body={"vulns": found} if found else {})
