"""What the world serves is what was built, "not there yet", or wrong."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.model import Judgement, Outcome, Status
from release.observe.attestations import Identity
from release.observe.expected import Expected, expected
from release.observe.installing import _from, judge_imports
from release.observe.status import archive_state, forge_state, image_state
from release.observe.verify import (
    TOOLS,
    Part,
    Verified,
    await_release,
    judge_files,
    judge_look,
    lacking,
    named,
    verify,
)
from release.project import read_project
from release.report.released import by_hand, verified_lines
from release.run.runner import open_shell
from release.world.forge import Asset, Release
from release.world.index import ServedFile, index_url
from tests.built import build_evidence, make_built_project
from tests.index_server import IndexServer
from tests.local_server import Reply
from tests.support import Judge, git, write

WHEEL, SDIST = "small_thing-1.2.3-py3-none-any.whl", "small_thing-1.2.3.tar.gz"
X, Y = (hashlib.sha256(data).hexdigest() for data in (b"x", b"y"))
WANTED = Expected("small-thing", "1.2.3", "", "v1.2.3", "c" * 40, {WHEEL: X}, "build's evidence")
FILE = ServedFile(WHEEL, "1.2.3", f"/f/{WHEEL}", X)


def outcome(judged: Judgement) -> Outcome:
    return judged.settle("well")


def test_the_same_bytes_are_well_and_other_bytes_are_wrong() -> None:
    assert outcome(judge_files(WANTED, [FILE], {WHEEL: X})).status is Status.PASSED
    other = outcome(judge_files(WANTED, [FILE], {WHEEL: Y}))
    assert (other.status, "other bytes" in other.summary) == (Status.FAILED, True)


def test_a_file_that_is_not_there_yet_is_not_wrong() -> None:
    both = replace(WANTED, digests={WHEEL: X, SDIST: Y})
    seen: list[tuple[list[ServedFile], dict[str, str]]] = [([], {}), ([FILE], {WHEEL: X})]
    for files, digests in seen:
        found = outcome(judge_files(both, files, digests))
        assert found.status is Status.UNCHECKED
        assert found.summary.startswith("not there yet")
        assert "--wait" in str(found.findings[0].remedy)


def test_a_file_that_build_did_not_make_is_wrong() -> None:
    strange = replace(FILE, name=SDIST)
    found = outcome(judge_files(WANTED, [FILE, strange], {WHEEL: X, SDIST: X}))
    assert "what build did not make" in found.summary


def test_without_evidence_it_is_said_that_nothing_was_compared() -> None:
    judged = judge_files(replace(WANTED, digests=None), [FILE], {WHEEL: Y})
    assert outcome(judged).status is Status.PASSED
    assert "not compared" in judged.notes[0].message


def test_bytes_that_nothing_is_known_of_are_not_called_verified() -> None:
    def verdict(wanted: Expected, *more: Part) -> str:
        files = Part("files", judge_files(wanted, [FILE], {WHEEL: X}))
        return list(verified_lines(Verified(wanted, (files, *more), (FILE,))))[-1]

    unknown = replace(WANTED, digests=None)
    assert verdict(WANTED) == "small-thing 1.2.3: verified"
    assert "nothing here tells who built it" in verdict(unknown)
    assert verdict(unknown, Part("attestations", Judgement(2))) == "small-thing 1.2.3: verified"


def test_a_yanked_version_is_said() -> None:
    judged = judge_files(WANTED, [replace(FILE, yanked=True)], {WHEEL: X})
    assert "is yanked" in judged.advice[0].message


def test_the_forges_release_is_compared_file_by_file() -> None:
    def of(digest: str | None) -> Judgement:
        release = Release("page", False, (Asset(WHEEL, digest),))
        return judge_look(forge_state(release, [FILE]), "1.2.3")

    assert outcome(of(X)).status is Status.PASSED
    assert "other bytes than the index" in outcome(of(Y)).summary
    assert "without a digest" in of(None).notes[0].message
    assert "there is none" in judge_look(forge_state(None, [FILE]), "1.2.3").advice[0].message
    draft = judge_look(forge_state(Release("page", True, ()), [FILE]), "1.2.3").advice[0]
    assert "draft" in draft.message
    assert "nox -s status -- 1.2.3" in str(draft.remedy)


def test_an_image_is_of_the_tags_commit() -> None:
    label = "org.opencontainers.image.revision"

    def of(labels: dict[str, str] | None) -> Judgement:
        found = image_state("ghcr.io/o/small-thing:1.2.3", labels, WANTED.commit)
        return judge_look(found, "1.2.3")

    assert outcome(of({label: "c" * 40})).status is Status.PASSED
    assert outcome(of({label: "d" * 40})).status is Status.FAILED
    assert outcome(of(None)).status is Status.UNCHECKED
    assert "does not say of what commit" in of({}).notes[0].message


def test_a_record_of_the_archive_may_come_later() -> None:
    missing, there = (archive_state(doi, "v1.2.3") for doi in (None, "10.5281/1"))
    assert outcome(judge_look(missing, "1.2.3")).status is Status.UNCHECKED
    assert outcome(judge_look(there, "1.2.3")).status is Status.PASSED


def test_what_was_installed_is_that_version_and_can_be_imported() -> None:
    said = {"version": "1.2.3", "modules": ["small_thing", "extra"], "failed": {"extra": "no"}}
    judged = judge_imports(said, "small-thing", "1.2.3")
    assert outcome(judged).status is Status.PASSED
    assert judged.advice
    broken = {**said, "failed": {"small_thing": "ImportError: no"}}
    assert outcome(judge_imports(broken, "small-thing", "1.2.3")).status is Status.FAILED
    assert judge_imports(said, "small-thing", "1.2.4").defects


def test_what_a_private_index_lacks_is_not_taken_from_another() -> None:
    private = "https://own.example/simple/"
    assert {*_from(private, None).values()} == {private}


def test_what_a_rehearsed_release_needs_comes_from_the_installers_own_index() -> None:
    own = "https://own.example/simple/"
    said = _from("http://127.0.0.1:9/simple/", {"UV_INDEX": own, "PIP_EXTRA_INDEX_URL": own})
    assert said["UV_INDEX"] == f"http://127.0.0.1:9/simple/ {own}"
    assert "UV_DEFAULT_INDEX" not in said
    assert said["PIP_EXTRA_INDEX_URL"].split() == [index_url(None), own]


@pytest.fixture
def root(tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tagged project with what build made of it; its wheel imports."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = make_built_project(tmp_path / "small-thing")
    git(found, "tag", "--annotate", "--message", "1.2.3", "v1.2.3")
    run = judge.run(found)
    made = build_evidence(run)
    facts = {"version": "1.2.3", "imports": "small_thing"}
    commit = git(found, "rev-parse", "HEAD")
    judged = replace(made.outcome, facts=facts)
    run.store.save(replace(made, outcome=judged, commit=commit, log="logs/build.log"))
    return found


def looked(judge: Judge, root: Path, index: IndexServer, *, promised: bool = False) -> Verified:
    wanted = replace(expected(read_project(root), None), index=index.simple, promised=promised)
    with open_shell(judge.run(root), TOOLS) as shell:
        return verify(shell, wanted)


def serve(root: Path, index: IndexServer) -> None:
    for path in sorted((root / ".release" / "dist").iterdir()):
        index.files[path.name] = path.read_bytes()


@pytest.mark.slow
def test_a_release_is_downloaded_installed_by_name_and_imported(judge: Judge, root: Path) -> None:
    with IndexServer() as index:
        serve(root, index)
        found = looked(judge, root, index)
        write(root, {".release/receipt.json": "{}"})
        bare = looked(judge, root, index, promised=True)
    assert [part.title for part in found.parts] == ["files", "attestations", "installation"]
    assert bare.parts[-1].title == "receipt"
    assert found.outcome().status is Status.PASSED, found
    text = "\n".join(verified_lines(found))
    assert "every byte is the same as in build's evidence" in text
    assert "installed, and imported small_thing" in text
    assert text.endswith("small-thing 1.2.3: verified")
    assert "no attestation of" in bare.outcome().summary


@pytest.mark.slow
def test_other_bytes_on_the_index_fail(judge: Judge, root: Path) -> None:
    with IndexServer() as index:
        index.files = {WHEEL: b"another wheel"}
        found = looked(judge, root, index)
    assert found.outcome().status is Status.FAILED
    assert "other bytes than were built" in "\n".join(verified_lines(found))


@pytest.mark.parametrize(
    "page", [Reply(500), Reply(404), Reply(200, b"<p>")], ids=["500", "404", "html"]
)
def test_an_index_that_cannot_be_asked_or_has_nothing_is_not_wrong(
    judge: Judge, root: Path, page: Reply
) -> None:
    with IndexServer() as index:
        index.page = replace(page, headers={"Content-Type": "text/html"})
        found = looked(judge, root, index)
    assert found.outcome().status is Status.UNCHECKED


def test_bytes_that_are_not_those_of_the_page_are_unchecked(judge: Judge, root: Path) -> None:
    with IndexServer() as index:
        serve(root, index)
        index.page = index.answer_page()
        index.files[WHEEL] = b"tampered on the way"
        found = looked(judge, root, index)
    assert found.outcome().status is Status.UNCHECKED
    assert WHEEL in found.outcome().summary


def test_it_waits_until_every_file_is_there_and_says_what_is_missing(root: Path) -> None:
    lines: list[str] = []
    with IndexServer() as index:
        wanted = replace(expected(read_project(root), None), index=index.simple)
        assert "not on the index yet" in lacking(wanted)
        await_release(wanted, 5, lambda _seconds: serve(root, index), lines.append)
        assert lacking(wanted) == ""
    assert len(lines) == 1
    assert "not on the index yet" in lines[0]


def test_waiting_has_an_end(root: Path) -> None:
    with IndexServer() as index:
        wanted = replace(expected(read_project(root), None), index=index.simple)
        await_release(wanted, 0, lambda _seconds: pytest.fail("it waited"), lambda _line: None)


def test_any_project_is_looked_at_by_its_name(root: Path) -> None:
    with IndexServer() as index:
        serve(root, index)
        found = named("small-thing", None, index.simple, "o/small-thing")
        assert (found.version, found.promised) == ("1.2.3", True)
        assert found.identity.repository == "https://github.com/o/small-thing"
        assert not named("small-thing", "1.2.3", index.simple, None).promised
        index.yanked = set(index.files)
        with pytest.raises(CannotCheck, match="no final version"):
            named("small-thing", None, index.simple, None)
        index.files = {}
        with pytest.raises(CannotCheck, match="no project"):
            named("small-thing", None, index.simple, None)


def test_what_to_type_by_hand_names_the_files_and_who_published() -> None:
    who = Identity("https://github.com/o/small-thing")
    wanted = replace(WANTED, promised=True, identity=who)
    lines = list(by_hand(Verified(wanted, (Part("files", Judgement(1)),), (FILE,))))
    assert any(line.endswith(f"pypi:{WHEEL}") for line in lines)
    assert "  $ pip download --no-deps small-thing==1.2.3" in lines
