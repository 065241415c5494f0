"""The package index, asked over its simple API."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.world import distributions, web
from release.world.distributions import download
from release.world.index import ServedFile, index_url, served_files
from tests.local_server import LocalServer, Reply, Request

HTML = "text/html"
SHA = hashlib.sha256(b"a wheel").hexdigest()
PAGE = (
    "<!DOCTYPE html><html><body>"
    f'<a href="/f/small_thing-1.0-py3-none-any.whl#sha256={SHA}">'
    "small_thing-1.0-py3-none-any.whl</a>"
    '<a href="/f/small_thing-1.1.tar.gz" data-yanked="broken">small_thing-1.1.tar.gz</a>'
    "</body></html>"
)
JSON_PAGE = {
    "meta": {"api-version": "1.1"},
    "name": "small-thing",
    "versions": ["1.0"],
    "files": [
        {
            "filename": "small_thing-1.0.tar.gz",
            "url": "/f/small_thing-1.0.tar.gz",
            "hashes": {"sha256": SHA},
            "size": 7,
        }
    ],
}


class Index(LocalServer):
    """An index whose answers about the project are set; `asked` are the paths."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = {"/simple/": Reply(body=b"<html></html>", headers={"Content-Type": HTML})}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"{self.address}/simple/"

    def set(self, status: int, body: str | bytes = "", kind: str = HTML, wait: float = 0) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.answers["/simple/small-thing/"] = Reply(status, data, {"Content-Type": kind})
        self.wait = wait

    def answer(self, request: Request) -> Reply:
        self.asked.append(request.path)
        time.sleep(self.wait if request.path in self.answers else 0)
        return self.answers.get(request.path, Reply(404, b""))

    wait = 0.0


@pytest.fixture
def server() -> Iterator[Index]:
    with Index() as found:
        yield found


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(web, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(web, "READ_SECONDS", 0.5)


def reason(url: str) -> str:
    with pytest.raises(CannotCheck) as caught:
        served_files("small-thing", url)
    assert caught.value.remedy
    return caught.value.reason


def told(name: str, url: str) -> list[tuple[str, str, str | None, bool]]:
    return [(f.name, f.version, f.sha256, f.yanked) for f in served_files(name, url) or ()]


def test_an_html_page_is_read(server: Index) -> None:
    server.set(200, PAGE)
    assert told("Small.Thing", server.url) == [
        ("small_thing-1.0-py3-none-any.whl", "1.0", SHA, False),
        ("small_thing-1.1.tar.gz", "1.1", None, True),
    ]


def test_a_json_page_is_read(server: Index) -> None:
    server.set(200, json.dumps(JSON_PAGE), "application/vnd.pypi.simple.v1+json")
    assert told("small-thing", server.url) == [("small_thing-1.0.tar.gz", "1.0", SHA, False)]


def test_an_unknown_project_is_told_from_one_without_files(server: Index) -> None:
    assert served_files("small-thing", server.url) is None
    server.set(
        200,
        json.dumps({**JSON_PAGE, "files": [], "versions": []}),
        "application/vnd.pypi.simple.v1+json",
    )
    assert served_files("small-thing", server.url) == ()


def test_a_folder_is_an_index_too(tmp_path: Path) -> None:
    (tmp_path / "small-thing").mkdir()
    (tmp_path / "small-thing" / "index.html").write_text(PAGE)
    found = served_files("Small_Thing", tmp_path.as_uri())
    assert found
    assert [file.version for file in found] == ["1.0", "1.1"]
    assert served_files("other-thing", tmp_path.as_uri()) is None
    assert "No such file" in reason((tmp_path / "gone").as_uri())


def test_a_wrong_address_is_not_an_unknown_project(server: Index) -> None:
    del server.answers["/simple/"]
    assert "404" in reason(server.url)


@pytest.mark.parametrize("status", [502, 503])
def test_a_busy_server_is_asked_three_times_and_no_more(server: Index, status: int) -> None:
    server.set(status)
    assert f"it answers {status}" in reason(server.url)
    assert len(server.asked) == 3


def test_a_refusal_is_reported_at_once(server: Index) -> None:
    server.set(403)
    assert "it answers 403" in reason(server.url)
    assert len(server.asked) == 1


def test_a_slow_server_is_given_up(server: Index) -> None:
    server.set(200, PAGE, wait=1)
    assert "cannot be asked for small-thing" in reason(server.url)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<html><body>Please <a href='/login'>log in</a> first</body></html>", "text/html"),
        ("", "text/html"),
        ("{", "application/vnd.pypi.simple.v1+json"),
        (json.dumps(JSON_PAGE)[:60], "application/vnd.pypi.simple.v1+json"),
        (json.dumps({"files": 7}), "application/vnd.pypi.simple.v1+json"),
        (json.dumps({**JSON_PAGE, "meta": {"api-version": "9.0"}}),
         "application/vnd.pypi.simple.v1+json"),
        ("what?", "text/plain"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_files_is_no_answer(server: Index, body: str, kind: str) -> None:
    server.set(200, body, kind)
    assert "package index" in reason(server.url)


class Files(LocalServer):
    """An index whose only answer, but for its root, is `reply`."""

    reply = Reply()

    def answer(self, request: Request) -> Reply:
        return Reply() if request.path == "/simple/" else self.reply

    @property
    def url(self) -> str:
        return f"{self.address}/simple/"


@pytest.fixture
def files() -> Iterator[Files]:
    with Files() as found:
        yield found


class TestLimits:
    def test_a_page_that_comes_byte_by_byte_is_given_up(
        self, files: Files, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(web, "WHOLE_SECONDS", 0.5)
        files.reply = Reply(body=b"<" * 1000, headers={"Content-Type": "text/html"}, pause=0.05)
        said = reason(files.url)
        assert "cannot be asked for small-thing: it gives no whole answer in 0.5 s" in said

    @pytest.mark.parametrize("status", [200, 404, 503])
    def test_a_page_that_is_huge_once_it_is_unpacked_is_given_up(
        self, files: Files, status: int
    ) -> None:
        packed = gzip.compress(bytes(200 * 1024 * 1024), 1)
        files.reply = Reply(status, packed, {"Content-Encoding": "gzip"})
        tracemalloc.start()
        try:
            found = reason(files.url)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert "asked for small-thing: it answers more than 33,554,432 bytes" in found
        assert most < 100 * 1024 * 1024

    def test_a_page_that_ends_early_is_no_answer(self, files: Files) -> None:
        files.reply = Reply(body=PAGE.encode(), headers={"Content-Type": "text/html"}, declared=999)
        assert "cannot be asked for small-thing" in reason(files.url)

    def test_a_page_that_is_nested_too_deeply_is_no_answer(self, files: Files) -> None:
        kind = {"Content-Type": "application/vnd.pypi.simple.v1+json"}
        files.reply = Reply(body=b"[" * 200_000, headers=kind)
        assert "cannot be asked for small-thing" in reason(files.url)

    def test_a_download_that_comes_byte_by_byte_ends_with_the_time(
        self, files: Files, tmp_path: Path
    ) -> None:
        until = time.monotonic() + 0.5

        def remaining() -> float:
            left = until - time.monotonic()
            if left <= 0:
                raise CannotCheck("no time is left", "take more")
            return left

        files.reply = Reply(body=bytes(1000), pause=0.05)
        file = ServedFile("a-1.whl", "1", f"{files.address}/a-1.whl")
        with pytest.raises(CannotCheck, match="no time is left"):
            download(file, files.url, tmp_path, remaining)
        with pytest.raises(CannotCheck, match=r"its server gives no whole answer in 0\.2 s"):
            download(file, files.url, tmp_path, lambda: 0.2)

    @pytest.mark.parametrize("size", [7, None])
    def test_a_download_is_no_larger_than_the_index_says(
        self, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int | None
    ) -> None:
        monkeypatch.setattr(distributions, "MAX_BYTES", 7)
        file = ServedFile("a-1.whl", "1", f"{files.address}/a-1.whl", size=size)
        files.reply = Reply(body=b"a wheel")
        assert download(file, files.url, tmp_path).read_bytes() == b"a wheel"
        files.reply = Reply(body=b"a wheel and more")
        with pytest.raises(CannotCheck, match="its server answers more than 7 bytes"):
            download(file, files.url, tmp_path)

    def test_a_download_that_ends_early_is_none(self, files: Files, tmp_path: Path) -> None:
        file = ServedFile("a-1.whl", "1", f"{files.address}/a-1.whl")
        files.reply = Reply(body=b"a wheel", declared=100)
        with pytest.raises(CannotCheck, match="cannot be downloaded"):
            download(file, files.url, tmp_path)


def test_nobody_there_is_no_answer_and_names_no_credentials() -> None:
    secret = "hunter" + "2hunter2"
    found = reason(f"http://me:{secret}@127.0.0.1:1/simple/")
    assert "connection error" in found
    assert secret not in found


class TestAddress:
    def test_the_configured_one_comes_first(self) -> None:
        environ = {"PIP_INDEX_URL": "https://b.invalid/"}
        assert index_url("https://a.invalid/", environ) == "https://a.invalid/"

    @pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"])
    def test_then_the_installers_variables(self, name: str) -> None:
        assert index_url(None, {name: "https://b.invalid/"}) == "https://b.invalid/"

    def test_uv_may_give_it_a_name(self) -> None:
        environ = {"UV_DEFAULT_INDEX": "mine=https://b.invalid/"}
        assert index_url(None, environ) == "https://b.invalid/"

    def test_then_pips_file(self, tmp_path: Path) -> None:
        (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://c.invalid/\n")
        environ = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path)}
        assert index_url(None, environ) == "https://c.invalid/"

    def test_a_broken_file_of_pips_is_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "pip.conf").write_bytes(b"index-url \xff")
        environ = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path)}
        assert index_url(None, environ).startswith("https://")


def test_a_server_that_was_asked_too_often_is_asked_once_and_says_when(files: Files) -> None:
    asked: list[str] = []
    files.reply = Reply(429, b"", {"Retry-After": "120"})
    files.heard = lambda request: asked.append(request.path)
    assert "answers 429 Too Many Requests, and is to be asked again in 120 s" in reason(files.url)
    assert len(asked) == 1
    files.reply = Reply(429, b"", {"Retry-After": "x" * 9000})
    assert len(reason(files.url)) < 200


def test_a_redirection_without_an_end_is_given_up(files: Files) -> None:
    files.reply = Reply(302, b"", {"Location": "/simple/small-thing/"})
    assert "it redirects without an end" in reason(files.url)


def test_another_host_that_one_is_sent_to_gets_no_credentials(files: Files) -> None:
    page = json.dumps(JSON_PAGE).encode()
    kind = {"Content-Type": "application/vnd.pypi.simple.v1+json"}
    with Files() as other:
        seen: list[str | None] = []
        other.heard = lambda request: seen.append(request.authorisation)
        other.reply = Reply(200, page, kind)
        own: list[str | None] = []
        files.heard = lambda request: own.append(request.authorisation)
        elsewhere = other.address.replace("127.0.0.1", "localhost")
        files.reply = Reply(302, b"", {"Location": f"{elsewhere}/simple/small-thing/"})
        word = "".join(("wo", "rd"))
        address = f"{files.address}/simple/".replace("://", f"://me:{word}@")
        assert served_files("small-thing", address)
    assert seen == [None]
    assert [bool(header) for header in own] == [True]
