"""The labels of an image, and the DOI of a release, asked on loopback."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from release.errors import CannotCheck
from release.world.archive import doi_of
from release.world.registry import labels_of
from tests.local_server import LocalServer, Reply, Request

CONFIG = json.dumps({"config": {"Labels": {"org.opencontainers.image.revision": "abc"}}}).encode()
DIGEST = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"
MANIFEST = json.dumps({"config": {"digest": DIGEST}}).encode()
INNER = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


class Server(LocalServer):
    """Answers by path; with `token` set it gives that to anybody and demands it."""

    def __init__(self, answers: Mapping[str, Reply], token: str | None = None) -> None:
        super().__init__()
        self.answers, self.token = answers, token

    def answer(self, request: Request) -> Reply:
        if request.path == "/token":
            return Reply(body={"token": self.token})
        if self.token and request.authorisation != f"Bearer {self.token}":
            said = f'Bearer realm="{self.address}/token",service="here"'
            return Reply(401, headers={"WWW-Authenticate": said})
        return self.answers.get(request.path, Reply(404))

    @property
    def reference(self) -> str:
        return f"{self.address.removeprefix('http://')}/o/thing:1.2.3"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


BLOB = {f"/v2/o/thing/blobs/{DIGEST}": Reply(body=CONFIG)}


def test_the_labels_of_an_image_with_the_token_that_everybody_gets() -> None:
    plain = {**BLOB, "/v2/o/thing/manifests/1.2.3": Reply(body=MANIFEST)}
    for token in (None, "for-everybody"):
        with Server(plain, token) as server:
            assert labels_of(server.reference) == {"org.opencontainers.image.revision": "abc"}


def test_of_an_image_for_several_platforms_those_of_the_first() -> None:
    several = {"manifests": [{"digest": INNER, "platform": {"os": "linux"}}]}
    answers = {
        **BLOB,
        "/v2/o/thing/manifests/1.2.3": Reply(body=several),
        f"/v2/o/thing/manifests/{INNER}": Reply(body=MANIFEST),
    }
    with Server(answers) as server:
        assert labels_of(server.reference)


def test_no_such_image_is_none_and_everything_else_cannot_be_looked_at() -> None:
    with Server({}) as server:
        assert labels_of(server.reference) is None
    wrong: list[dict[str, Reply]] = [
        {"/v2/o/thing/manifests/1.2.3": Reply(500)},
        {"/v2/o/thing/manifests/1.2.3": Reply(body=b"<html>")},
        {"/v2/o/thing/manifests/1.2.3": Reply(body={"manifests": []})},
        {
            "/v2/o/thing/manifests/1.2.3": Reply(body=MANIFEST),
            f"/v2/o/thing/blobs/{DIGEST}": Reply(body=CONFIG + b" "),
        },
    ]
    for answers in wrong:
        with Server(answers) as server, pytest.raises(CannotCheck):
            labels_of(server.reference)
    with pytest.raises(CannotCheck, match="HOST/NAME:TAG"):
        labels_of("thing")


def records(*trees: str) -> Any:
    hits = [
        {"doi": f"10.5281/{n}", "metadata": {"related_identifiers": [{"identifier": tree}]}}
        for n, tree in enumerate(trees)
    ]
    return {"hits": {"hits": hits}}


def test_the_doi_is_that_of_the_tags_own_record() -> None:
    page = "https://github.com/o/thing"
    body = records(f"{page}/tree/v1.2", f"{page}/tree/v1.2.3")
    with Server({"/api/records": Reply(body=body)}) as server:
        assert doi_of(page, "v1.2.3", server.address) == "10.5281/1"
        assert doi_of(page, "v9", server.address) is None
    for reply in (Reply(503), Reply(body=b"<html>"), Reply(body={"hits": 1})):
        with Server({"/api/records": reply}) as server, pytest.raises(CannotCheck):
            doi_of(page, "v1.2.3", server.address)
