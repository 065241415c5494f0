"""Uploads the files of build's evidence, and nothing else."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from release.change import publishing
from release.change.publishing import files_to_publish, judge_address, publish, simple_of
from release.errors import CannotCheck, ReleaseError, UsageError
from release.run.runner import Run
from tests.built import METADATA, build_evidence, make_built_project
from tests.index_server import IndexServer
from tests.local_server import Reply
from tests.support import Judge, git

WHEEL, SDIST = "small_thing-1.2.3-py3-none-any.whl", "small_thing-1.2.3.tar.gz"


@pytest.fixture
def run(tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A tagged commit with what build made of it."""
    monkeypatch.setattr(publishing, "WAITS", (0.0, 0.0))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TWINE_USERNAME", "somebody")
    monkeypatch.setenv("TWINE_PASSWORD", "very-secret-word")
    root = make_built_project(tmp_path / "small-thing")
    complete(root / ".release" / "dist" / SDIST)
    git(root, "tag", "--annotate", "--message", "1.2.3", "v1.2.3")
    run = judge.run(root)
    keep(run)
    return run


def complete(sdist: Path) -> None:
    """Lay another file beside the metadata: twine reads no archive of a single one."""
    with tarfile.open(sdist, "w:gz") as archive:
        for name, text in (("PKG-INFO", METADATA), ("pyproject.toml", "")):
            member = tarfile.TarInfo(f"small_thing-1.2.3/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


def keep(run: Run, **changed: object) -> None:
    """Keep evidence of build for this commit, with some fields changed."""
    assert run.project.git is not None
    made = build_evidence(run)
    outcome = replace(made.outcome, facts={"version": "1.2.3", "imports": "small_thing"})
    evidence = replace(
        made, outcome=outcome, commit=str(run.project.git.commit), log="logs/build.log"
    )
    run.store.save(replace(evidence, **changed))  # type: ignore[arg-type]


def test_every_file_is_uploaded_and_a_second_run_uploads_nothing(run: Run) -> None:
    lines: list[str] = []
    with IndexServer() as index:
        done = publish(run, index.upload, say=lines.append)
        assert done.sent == (WHEEL, SDIST)
        assert done.there == ()
        assert index.files[SDIST] == (run.store.folder / "dist" / SDIST).read_bytes()
        again = publish(run, index.upload)
        assert (again.sent, again.there) == ((), (WHEEL, SDIST))
        assert index.uploads == [WHEEL, SDIST]
        assert all(str(header).startswith("Basic ") for header in index.authorised)
    assert f"{WHEEL}: taken" in lines
    log = (run.store.folder / "logs" / "publish.log").read_text()
    assert "very-secret-word" not in log


def test_one_of_two_files_is_there_and_only_the_other_is_sent(run: Run) -> None:
    with IndexServer() as index:
        index.files[WHEEL] = (run.store.folder / "dist" / WHEEL).read_bytes()
        done = publish(run, index.upload)
        assert (done.sent, done.there) == ((SDIST,), (WHEEL,))


def test_other_bytes_on_the_index_are_a_stop_before_anything_is_sent(run: Run) -> None:
    with IndexServer() as index:
        index.files[SDIST] = b"somebody else's"
        with pytest.raises(ReleaseError, match="other bytes under the name"):
            publish(run, index.upload)
        assert index.uploads == []


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 503])
def test_what_fails_in_passing_is_sent_again(run: Run, status: int) -> None:
    with IndexServer() as index:
        index.files[WHEEL] = (run.store.folder / "dist" / WHEEL).read_bytes()
        index.refusals = [Reply(status, b"busy")]
        assert publish(run, index.upload).sent == (SDIST,)
        assert len(index.uploads) >= 2


def test_an_upload_whose_answer_was_lost_is_not_repeated(run: Run) -> None:
    with IndexServer() as index:
        index.files[WHEEL] = (run.store.folder / "dist" / WHEEL).read_bytes()
        index.refusals, index.taking = [Reply(400, b"the connection was cut")], True
        assert publish(run, index.upload).sent == (SDIST,)
        assert index.uploads == [SDIST]


@pytest.mark.slow
def test_an_upload_that_is_cut_off_in_its_middle_is_sent_again(run: Run) -> None:
    with IndexServer() as index:
        index.files[WHEEL] = (run.store.folder / "dist" / WHEEL).read_bytes()
        index.cuts = 1
        assert publish(run, index.upload).sent == (SDIST,)
        assert index.uploads == [SDIST]
        assert index.files[SDIST] == (run.store.folder / "dist" / SDIST).read_bytes()


def test_another_host_that_one_is_sent_to_gets_neither_file_nor_password(run: Run) -> None:
    with IndexServer() as index, IndexServer() as other:
        elsewhere = other.upload.replace("127.0.0.1", "localhost")
        index.refusals = [Reply(301, b"", {"Location": elsewhere})] * 9
        with pytest.raises(ReleaseError, match="was not taken"):
            publish(run, index.upload)
        assert (other.uploads, other.authorised) == ([], [])


@pytest.mark.parametrize(
    ("status", "text", "remedy"),
    [
        (403, b"Invalid or non-existent authentication information", "TWINE_USERNAME"),
        (400, b"The description failed to render", "nox -s parity"),
        (400, b"This filename has already been used", "release the next version"),
    ],
)
def test_what_is_refused_is_not_sent_again(run: Run, status: int, text: bytes, remedy: str) -> None:
    with IndexServer() as index:
        index.refusals = [Reply(status, text)] * 9
        with pytest.raises(ReleaseError, match="was not taken") as caught:
            publish(run, index.upload)
        assert remedy in str(caught.value)
        assert text.decode() in str(caught.value)
        assert index.uploads == [WHEEL]


@pytest.mark.parametrize(
    "page", [Reply(500), Reply(200, b"<html>Sign in to the wifi</html>"), Reply(200, b'{"meta": ')]
)
def test_an_index_that_cannot_be_asked_gets_nothing(run: Run, page: Reply) -> None:
    page = replace(page, headers={"Content-Type": "text/html"})
    with IndexServer() as index:
        index.page = page
        with pytest.raises(CannotCheck):
            publish(run, index.upload)
        assert index.uploads == []


def test_without_credentials_it_says_where_they_go(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TWINE_PASSWORD")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with IndexServer() as index:
        with pytest.raises(ReleaseError, match="was not taken") as caught:
            publish(run, index.upload)
        assert "TWINE_PASSWORD" in str(caught.value)
        assert index.uploads == []


def test_nothing_but_what_build_made_is_published(run: Run) -> None:
    stray = run.store.folder / "dist" / "small_thing-1.2.2.tar.gz"
    stray.write_bytes(b"stale")
    with pytest.raises(ReleaseError, match=r"build did not make small_thing-1\.2\.2"):
        files_to_publish(run)
    stray.unlink()
    (run.store.folder / "dist" / SDIST).write_bytes(b"another")
    with pytest.raises(ReleaseError, match="not what build made"):
        files_to_publish(run)


def test_attestations_beside_the_files_are_no_strangers(run: Run) -> None:
    (run.store.folder / "dist" / f"{WHEEL}.publish.attestation").write_text("{}")
    assert len(files_to_publish(run)[1]) == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"commit": "0" * 40}, "is of 000000000000"), ({"dirty": True}, "not committed")],
)
def test_what_build_made_of_something_else_is_not_published(
    run: Run, changed: dict[str, object], said: str
) -> None:
    keep(run, **changed)
    with pytest.raises(ReleaseError, match=said):
        files_to_publish(run)


def test_without_evidence_nothing_is_published(run: Run) -> None:
    (run.store.folder / "evidence" / "build.json").unlink()
    with pytest.raises(ReleaseError, match="no evidence"):
        files_to_publish(run)


def test_the_projects_own_index_gets_no_package_without_a_tag(run: Run, judge: Judge) -> None:
    root = run.project.root
    git(root, "tag", "--delete", "v1.2.3")
    with IndexServer() as index:
        monkey = pytest.MonkeyPatch()
        with monkey.context() as patched:
            patched.setenv("UV_DEFAULT_INDEX", index.simple)
            with pytest.raises(ReleaseError, match=r"not tagged as 1\.2\.3"):
                publish(judge.run(root), index.upload)
        assert index.uploads == []


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://me:word@index.example/", "credentials"),
        ("http://index.example/", "not https"),
        ("ftp://index.example/", "not the address"),
        ("--config-file=x", "not the address"),
        ("https://[::1", "not the address"),
        ("https://index.example:port/", "not the address"),
    ],
)
def test_an_address_that_gives_a_password_away_is_refused(address: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        judge_address(address)
    assert judge_address("http://127.0.0.1:8080/")


def test_what_is_not_an_address_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        judge_address("me:word@index.example")
    assert "word" not in str(caught.value)


def test_where_an_index_serves_what_it_takes() -> None:
    own = "https://index.example/simple/"
    assert simple_of("https://upload.index.example/legacy/", own) == own
    assert simple_of("https://index.example/legacy/", own) == own
    assert simple_of("http://127.0.0.1:9/", own) == "http://127.0.0.1:9/simple/"
    assert simple_of("https://upload.index.example.org/", own).startswith("https://upload.")
