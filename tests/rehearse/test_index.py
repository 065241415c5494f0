"""The index of a rehearsal takes what PyPI takes, and refuses what it refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from release.rehearse.index import Index, LoopbackIndex, Refused
from release.world.index import served_files
from tests.archives import METADATA, make_sdist, make_wheel


def take(index: Index, path: Path, digest: str | None = None) -> bool:
    return index.take("Small_Thing", path.name, path.read_bytes(), digest)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index")


def test_a_wheel_and_its_sdist_are_taken(index: Index, tmp_path: Path) -> None:
    assert take(index, make_wheel(tmp_path))
    assert take(index, make_sdist(tmp_path))
    assert [*index.files("small-thing")] == [
        "small_thing-1.2.3-py3-none-any.whl",
        "small_thing-1.2.3.tar.gz",
    ]


def test_the_same_bytes_again_change_nothing(index: Index, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    assert take(index, wheel)
    assert not take(index, wheel)


def test_other_bytes_under_a_name_are_refused(index: Index, tmp_path: Path) -> None:
    take(index, make_wheel(tmp_path))
    before = index.files("small-thing")
    with pytest.raises(Refused, match="already exists"):
        take(index, make_wheel(tmp_path, files={"small_thing/more.py": "x = 1\n"}))
    assert index.files("small-thing") == before


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda folder: make_wheel(folder, "1.2.3+local"), "local version"),
        (lambda folder: make_wheel(folder, name="thing-1.2.3-py3-none-any.whl"), "small_thing-"),
        (lambda folder: make_sdist(folder, name="Small-Thing-1.2.3.tar.gz"), "PEP 625"),
        (lambda folder: make_wheel(folder, record=b""), "RECORD"),
        (
            lambda folder: make_wheel(folder, metadata="Requires-Dist: x @ file:///x.whl\n"),
            "direct URL",
        ),
        (lambda folder: make_wheel(folder, metadata="License-File: LICENSE\n"), "LICENSE"),
    ],
    ids=["local", "name", "sdist", "record", "address", "licence"],
)
def test_what_pypi_refuses_is_refused(
    index: Index, tmp_path: Path, made: object, said: str
) -> None:
    assert callable(made)
    with pytest.raises(Refused, match=said):
        take(index, made(tmp_path / "made"))
    assert index.files("small-thing") == {}


def test_a_second_sdist_of_a_version_is_refused(index: Index, tmp_path: Path) -> None:
    take(index, make_sdist(tmp_path))
    other = make_sdist(tmp_path, "1.2.3.0", head=METADATA.replace("{version}", "1.2.3.0"))
    with pytest.raises(Refused, match="is the sdist of this version already"):
        take(index, other)


def test_a_wrong_digest_and_a_damaged_file_are_refused(index: Index, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    with pytest.raises(Refused, match="digest"):
        take(index, wheel, "0" * 64)
    wheel.write_bytes(wheel.read_bytes()[:-40])
    with pytest.raises(Refused):
        take(index, wheel)


@pytest.mark.parametrize("name", ["../x.whl", "a/b.whl", "", "x\n.whl"])
def test_no_name_leads_out_of_its_folder(index: Index, name: str) -> None:
    with pytest.raises(Refused, match="file name"):
        index.take("small-thing", name, b"", None)
    with pytest.raises(Refused, match="file name"):
        index.take(name, "x.whl", b"", None)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[LoopbackIndex]:
    with LoopbackIndex(tmp_path / "index") as server:
        yield server


def upload(server: LoopbackIndex, path: Path, **fields: str) -> requests.Response:
    data = {":action": "file_upload", "protocol_version": "1", "name": "small-thing", **fields}
    with path.open("rb") as file:
        return requests.post(
            server.upload,
            data=data,
            files={"content": (path.name, file, "application/octet-stream")},
            timeout=10,
        )


def test_what_is_uploaded_is_served_with_its_digest(served: LoopbackIndex, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert upload(served, wheel, sha256_digest=digest).status_code == 200
    (found,) = served_files("small-thing", served.simple) or ()
    assert (found.name, found.sha256) == (wheel.name, digest)
    assert requests.get(found.url, timeout=10).content == wheel.read_bytes()


def test_a_refused_upload_is_told_why(served: LoopbackIndex, tmp_path: Path) -> None:
    answer = upload(served, make_wheel(tmp_path, record=b""))
    assert answer.status_code == 400
    assert "RECORD" in answer.text
    assert served_files("small-thing", served.simple) is None


def test_what_is_not_an_upload_is_refused(served: LoopbackIndex, tmp_path: Path) -> None:
    assert requests.post(served.upload, data=b"x", timeout=10).status_code == 400
    wheel = make_wheel(tmp_path)
    assert upload(served, wheel, **{":action": "submit"}).status_code == 400
    for path in ("simple/other/", "files/small-thing/x.whl", "files/../x", "x"):
        address = served.simple.removesuffix("simple/") + path
        assert requests.get(address, timeout=10).status_code == 404
