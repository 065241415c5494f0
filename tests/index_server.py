"""A package index on loopback: takes uploads as PyPI does, serves pages, and can misbehave."""

from __future__ import annotations

import hashlib
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from tests.local_server import LocalServer, Reply, Request

SIMPLE = "application/vnd.pypi.simple.v1+json"


class IndexServer(LocalServer):
    """One index, for as long as its `with` block lasts.

    `files` are the bytes that it serves by name, `version` what they are of, `yanked` the names of
    those that are; `provenance` are the objects that it serves for files. `refusals` answers the
    next uploads, one each, instead of taking them; with `taking` a refused upload is kept all the
    same, as one whose answer was lost. `page` replaces the answer about any project. `uploads` are
    the names that were sent, `authorised` every Authorization header.
    """

    def __init__(self, version: str = "1.2.3") -> None:
        super().__init__()
        self.version = version
        self.files: dict[str, bytes] = {}
        self.yanked: set[str] = set()
        self.provenance: dict[str, Any] = {}
        self.refusals: list[Reply] = []
        self.taking = False
        self.page: Reply | None = None
        self.uploads: list[str] = []
        self.authorised: list[str | None] = []

    @property
    def simple(self) -> str:
        return f"{self.address}/simple/"

    @property
    def upload(self) -> str:
        return f"{self.address}/legacy/"

    def answer(self, request: Request) -> Reply:
        words = request.path.strip("/").split("/")
        match words:
            case ["legacy"]:
                return self._take(request)
            case ["simple"]:
                return Reply(body=b"<html></html>", headers={"Content-Type": "text/html"})
            case ["simple", _]:
                return self.page or self.answer_page()
            case ["f", name] if name in self.files:
                return Reply(body=self.files[name])
            case ["integrity", _, _, name, "provenance"] if name in self.provenance:
                return Reply(body=self.provenance[name])
        return Reply(404)

    def answer_page(self) -> Reply:
        if not self.files:
            return Reply(404)
        files = [
            {
                "filename": name,
                "url": f"/f/{name}",
                "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
                "size": len(data),
                "yanked": name in self.yanked,
            }
            for name, data in self.files.items()
        ]
        body = {"meta": {"api-version": "1.1"}, "name": "small-thing", "files": files}
        return Reply(body={**body, "versions": [self.version]}, headers={"Content-Type": SIMPLE})

    def _take(self, request: Request) -> Reply:
        self.authorised.append(request.authorisation)
        name, data = sent(request.headers, request.body)
        self.uploads.append(name)
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None and not self.taking:
            return refusal
        if self.files.get(name, data) != data:
            return Reply(400, b"File already exists, with other bytes")
        self.files[name] = data
        return refusal or Reply(body=b"OK")


def sent(headers: Message, body: bytes) -> tuple[str, bytes]:
    """The file of a form as a browser, or twine, sends it."""
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
        if part.get_param("name", header="content-disposition") == "content":
            return str(part.get_filename()), bytes(part.get_payload(decode=True))
    raise ValueError("no file in the form")
