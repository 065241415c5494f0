"""A package index on loopback, which refuses what PyPI refuses.

It speaks the simple repository API (PEP 503) and the upload API that twine speaks, as PyPI's
documentation has it. Its files lie in a folder.
"""

from __future__ import annotations

import hashlib
import html
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from multipart import MultiDict, MultipartError, parse_form_data  # type: ignore[import-untyped]
from packaging.utils import canonicalize_name

from release.gates.build.distribution import Archive, Unreadable, read
from release.gates.parity.rules import judge_file
from release.text.versions import parse
from release.world.loopback import Answers, Loopback

MOST_BYTES = 100 << 20  # what the index takes of a file unless it granted more
NAME = re.compile(r"[\w.+!-]+", re.A)


class Refused(Exception):
    """An upload that the index does not take; the message is what it answers."""


class Index:
    """The files of an index, in a folder of one folder a project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def files(self, project: str) -> dict[str, str]:
        """The files of a project with their sha256; `project` is a normalised name."""
        folder = self.folder / project
        if not NAME.fullmatch(project) or not folder.is_dir():
            return {}
        return {path.name: _sha256(path.read_bytes()) for path in sorted(folder.iterdir())}

    def content(self, project: str, name: str) -> bytes | None:
        """The bytes of a file, None where there is none."""
        known = name in self.files(project)
        return (self.folder / project / name).read_bytes() if known else None

    def take(self, project: str, name: str, content: bytes, digest: str | None) -> bool:
        """Keep an uploaded file; False where these very bytes are there. Raises Refused."""
        project = canonicalize_name(project)
        if not NAME.fullmatch(project) or not NAME.fullmatch(name):
            raise Refused(f"{name!r} is not a file name of a distribution")
        if digest is not None and digest != _sha256(content):
            raise Refused("The digest supplied does not match a digest calculated")
        with self._lock:
            there = self.files(project)
            if name in there:
                if there[name] == _sha256(content):
                    return False
                raise Refused(f"File already exists ({name!r}, with other content)")
            self._keep(project, name, content, there)
        return True

    def _keep(self, project: str, name: str, content: bytes, there: dict[str, str]) -> None:
        folder = self.folder / project
        aside = self.folder / ".upload" / name
        aside.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(content)
        try:
            archive = read(aside)
        except Unreadable as error:
            raise Refused(str(error)) from None
        faults = [finding.message for finding in judge_file(archive, publish=True).defects]
        faults += _second_sdist(archive, there)
        if faults:
            raise Refused("; ".join(faults))
        folder.mkdir(parents=True, exist_ok=True)
        aside.replace(folder / name)


def _second_sdist(archive: Archive, there: dict[str, str]) -> Iterator[str]:
    version = parse(archive.metadata.get("version", ""))
    for other in there:
        stem = other.removesuffix(".tar.gz")
        if stem != other and not archive.is_wheel and parse(stem.rpartition("-")[2]) == version:
            yield f"{other} is the sdist of this version already"


class LoopbackIndex(Loopback):
    """Serves an Index on loopback for as long as its `with` block lasts."""

    def __init__(self, folder: Path) -> None:
        index = Index(folder)

        class Handler(_Handler):
            kept = index

        super().__init__(Handler)

    @property
    def simple(self) -> str:
        """The address of its simple pages."""
        return f"{self.address}/simple/"

    @property
    def upload(self) -> str:
        """The address that takes uploads."""
        return f"{self.address}/legacy/"


class _Handler(Answers, BaseHTTPRequestHandler):
    kept: Index

    def do_GET(self) -> None:
        room, _, rest = urlsplit(self.path).path.strip("/").partition("/")
        project, _, name = unquote(rest).partition("/")
        if room == "simple" and not project:
            self._page("")
        elif room == "simple" and not name and (files := self.kept.files(project)):
            self._page("".join(_link(project, file, files[file]) for file in files))
        elif room == "files" and (content := self.kept.content(project, name)) is not None:
            self.reply(200, content, "application/octet-stream")
        else:
            self.reply(404, b"Not Found", "text/plain")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _page(self, links: str) -> None:
        body = f"<!DOCTYPE html>\n<html><body>\n{links}</body></html>\n"
        self.reply(200, body.encode(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        try:
            new = self._upload()
        except Refused as refused:
            text = html.escape(str(refused)).encode()
            self.reply(400, b"<html><body><h1>400 Bad Request</h1>" + text, "text/html")
        else:
            self.reply(200, b"" if new else b"already there", "text/plain")

    def _upload(self) -> bool:
        length = int(self.headers.get("Content-Length", 0))
        if length > MOST_BYTES + (1 << 20):
            raise Refused("File too large")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "wsgi.input": self.rfile,
        }
        try:
            forms, files = parse_form_data(
                environ, strict=True, mem_limit=MOST_BYTES, disk_limit=MOST_BYTES + (2 << 20)
            )
        except MultipartError as error:
            raise Refused(f"not an upload: {error}") from None
        return self._take(forms, files)

    def _take(self, forms: MultiDict, files: MultiDict) -> bool:
        content = files.get("content")
        if forms.get(":action") != "file_upload" or content is None:
            raise Refused("only file_upload is taken, with its content")
        return self.kept.take(
            forms.get("name", ""), content.filename, content.file.read(), forms.get("sha256_digest")
        )


def _link(project: str, name: str, digest: str) -> str:
    target = f"/files/{quote(project)}/{quote(name)}#sha256={digest}"
    return f'<a href="{html.escape(target)}">{html.escape(name)}</a><br>\n'


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
