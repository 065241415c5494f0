"""What shows where a release stands: a real repository, a remote, and servers on loopback."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from release.change.releasing import take_step
from release.errors import CannotCheck, UsageError
from release.observe.expected import Expected, Publishing, expected, is_of
from release.observe.housekeeping import look
from release.observe.status import (
    Scene,
    attestations_state,
    checks_state,
    forge_state,
    index_state,
    observed,
    run_state,
)
from release.project import read_project
from release.report.released import status_lines
from release.world.forge import (
    SERVICE,
    Asset,
    CheckRun,
    Checks,
    Release,
    WorkflowRun,
    locate,
)
from release.world.index import ServedFile
from release.world.standing import (
    Attestations,
    Branch,
    Files,
    ForgeRelease,
    Index,
    LocalTag,
    Observation,
    RemoteTag,
    Run,
    Stated,
    Step,
)
from release.world.standing import Checks as Judged
from tests import forge_server
from tests.forge_server import SLUG, ForgeServer, job, serving
from tests.index_server import IndexServer
from tests.local_server import Reply
from tests.support import FILES, PYPROJECT, Judge, commit, git, make_project, with_remote, write

WHEEL, SDIST = "small_thing-1.2.3-py3-none-any.whl", "small_thing-1.2.3.tar.gz"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
PUBLISH = """\
name: Release
on: {push: {tags: ["v*"]}}
permissions: {}
jobs:
  build:
    runs-on: ubuntu-latest
    steps: [{run: python -m build}]
  publish:
    name: Upload
    needs: build
    runs-on: ubuntu-latest
    environment: pypi
    permissions: {contents: read, id-token: write}
    steps:
      - uses: pypa/gh-action-pypi-publish@dc37677b2e1c63e2034f94d8a5b11f265b73ba33
"""


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer() as found:
        yield found


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ForgeServer]:
    empty = tmp_path / "empty"
    empty.mkdir()
    with serving(monkeypatch, empty) as found:
        yield found


@pytest.fixture
def root(tmp_path: Path, index: IndexServer, forge: ForgeServer) -> Path:
    """A project with a remote and a publishing workflow, its version in the files, not tagged."""
    settings = f'[tool.release]\nindex = "{index.simple}"\n[tool.release.gates.setup]\n'
    settings += f'owner = "o"\nrepository = "{SLUG.partition("/")[2]}"\n'
    found = make_project(
        tmp_path / "small-thing",
        {"pyproject.toml": PYPROJECT + settings, ".github/workflows/release.yml": PUBLISH},
    )
    with_remote(found)
    return found


def on_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the project be on GitHub, whatever its remote is."""
    repository = locate(f"https://github.com/{SLUG}")
    monkeypatch.setattr("release.world.forge.find", lambda *_: repository)


def tagged(root: Path, *, pushed: bool = True) -> str:
    git(root, "tag", "--annotate", "--message", "1.2.3", "v1.2.3")
    if pushed:
        git(root, "push", "--quiet", "origin", "refs/tags/v1.2.3")
    return git(root, "rev-parse", "HEAD")


def observe(root: Path, version: str | None = None) -> Observation:
    project = read_project(root)
    return observed(Scene(project, expected(project, version), datetime.now(UTC)))


def step(root: Path, version: str | None = None) -> Step:
    return look(read_project(root), version)[0].step


def test_a_version_that_is_in_the_files_alone_is_cut(root: Path) -> None:
    seen = observe(root)
    assert (seen.looks["files"].state, seen.looks["local_tag"].state) == (
        Files.STATED,
        LocalTag.NONE,
    )
    assert (seen.looks["remote_tag"].state, seen.looks["index"].state) == (
        RemoteTag.NONE,
        Index.NONE,
    )
    standing, rows = look(read_project(root), None)
    assert (standing.step, standing.commands, rows) == (Step.CUT, ("nox -s cut -- 1.2.3",), ())


def test_a_version_that_a_cut_refuses_is_answered_with_those_that_it_makes(root: Path) -> None:
    waiting, _ = look(read_project(root), "9.9.9")
    assert (waiting.step, waiting.commands) == (Step.CUT, ())
    assert "`nox -s cut -- 1.2.3` or `nox -s cut -- patch` (1.2.4)" in waiting.what
    tagged(root)
    standing, _ = look(read_project(root), "9.9.9")
    assert (standing.step, standing.commands) == (Step.CUT, ())
    assert standing.why == "9.9.9 skips a step after 1.2.3"
    assert "`nox -s cut -- patch` (1.2.4) or `nox -s cut -- minor` (1.3.0)" in standing.what
    for version in ("1.2.4", "1.3.0", "2.0.0"):
        standing, _ = look(read_project(root), version)
        assert standing.commands == (f"nox -s cut -- {version}",)


def test_of_a_development_version_the_last_release_is_looked_at_or_the_first(root: Path) -> None:
    source = (root / "pyproject.toml").read_text()
    module = FILES["src/small_thing/__init__.py"].replace("1.2.3", "1.3.0.dev0")
    changed = source.replace('version = "1.2.3"', 'version = "1.3.0.dev0"')
    write(root, {"pyproject.toml": changed, "src/small_thing/__init__.py": module})
    commit(root)
    assert observe(root).version == "1.3.0"
    git(root, "tag", "v1.2.3", "HEAD^")
    assert observe(root).version == "1.2.3"


def test_a_tag_that_is_not_pushed_is_pushed_and_one_that_is_overtaken_is_taken_back(
    root: Path, tmp_path: Path
) -> None:
    write(root, {"more.txt": "more\n"})
    commit(root, "Release 1.2.3")
    tagged(root, pushed=False)
    assert step(root) is Step.PUSH
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "small-thing.git"), str(other))
    write(other, {"theirs.txt": "theirs\n"})
    commit(other, "Theirs")
    git(other, "push", "--quiet", "origin", "main")
    assert step(root) is Step.LOOK  # what it moved on to is not here
    git(root, "fetch", "--quiet", "origin", "main")
    assert observe(root).looks["branch"].state is Branch.DIVERGED
    assert step(root) is Step.ABANDON


def test_do_fetches_a_tag_and_takes_the_remotes_in_place_of_another(
    root: Path, judge: Judge
) -> None:
    tagged(root)
    git(root, "tag", "--delete", "v1.2.3")
    standing, _ = look(read_project(root), "1.2.3")
    assert standing.step is Step.FETCH_TAG
    said = take_step(judge.run(root), standing)
    assert git(root, "cat-file", "-t", "v1.2.3") == "tag"
    assert "git tag --delete v1.2.3" in said[-1]
    git(root, "tag", "--force", "--annotate", "--message", "mine", "v1.2.3")
    mine = git(root, "rev-parse", "v1.2.3")
    standing, _ = look(read_project(root), "1.2.3")
    assert standing.step is Step.TAKE_TAG
    said = take_step(judge.run(root), standing)
    assert git(root, "rev-parse", "v1.2.3") != mine
    words = said[-1].partition(": ")[2].split()
    git(root, *words[1:])  # what is said to bring it back does
    assert git(root, "rev-parse", "v1.2.3") == mine


def test_do_refuses_a_step_that_others_would_notice(root: Path, judge: Judge) -> None:
    tagged(root, pushed=False)
    standing, _ = look(read_project(root), None)
    with pytest.raises(UsageError, match="not this repository's alone"):
        take_step(judge.run(root), standing)


def test_a_remote_that_does_not_answer_is_never_taken_for_one_without_the_tag(root: Path) -> None:
    tagged(root)
    git(root, "config", "remote.origin.url", str(root / "nowhere"))
    seen = observe(root)
    assert seen.looks["remote_tag"].state is RemoteTag.UNKNOWN
    assert step(root) is Step.LOOK


@pytest.mark.parametrize(
    "page",
    [
        Reply(500),
        Reply(429, headers={"Retry-After": "60"}),
        Reply(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}),
        Reply(200, b'{"meta"', {"Content-Type": "application/vnd.pypi.simple.v1+json"}),
        Reply(200, b"{}", {"Content-Type": "text/plain"}),
    ],
    ids=["500", "429", "html", "half", "plain"],
)
def test_an_index_that_answers_nonsense_is_unknown(
    root: Path, index: IndexServer, page: Reply
) -> None:
    index.page = page
    seen = observe(root)
    assert seen.looks["index"].state is Index.UNKNOWN
    assert seen.looks["index"].remedy
    standing, _ = look(read_project(root), None)
    assert standing.step is Step.LOOK
    assert "could not be looked at" in standing.why


def test_a_whole_release_is_followed_from_its_tag_to_its_end(
    root: Path, index: IndexServer, forge: ForgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge.commit = tagged(root)
    on_github(monkeypatch)
    monkeypatch.setattr("release.observe.status.RECENT", timedelta(0))
    found, _ = look(read_project(root), None)
    assert (found.step, found.observation.looks["run"].state) == (Step.PATCH, Run.NONE)
    forge.runs = [forge_server.run("Release", None, status="in_progress", branch="v1.2.3")]
    assert step(root) is Step.WAIT
    forge.runs = [forge_server.run("Release", "failure", branch="v1.2.3", number=7)]
    forge.jobs["7"] = [job("build"), job("Upload", "failure")]
    found, _ = look(read_project(root), None)
    assert (found.step, found.commands) == (Step.RERUN, ("gh run rerun 7 --failed",))
    index.files = {WHEEL: b"wheel"}
    assert step(root) is Step.PATCH  # published, and no attestation
    said = {"repository": SLUG, "workflow": "release.yml", "kind": "GitHub"}
    provenance = {"attestation_bundles": [{"publisher": said, "attestations": [{}]}]}
    index.provenance[WHEEL] = provenance
    forge.jobs["7"] = [job("build"), job("Upload")]
    forge.runs = [forge_server.run("Release", branch="v1.2.3", number=7)]
    forge.secrets = forge.environment_secrets = ["PYPI_API_TOKEN"]
    standing, rows = look(read_project(root), None)
    assert standing.step is Step.NOTHING, standing
    assert standing.observation.looks["attestations"].state is Attestations.COMPLETE
    delete = "gh secret delete PYPI_API_TOKEN"
    assert {f"retire: {delete}", f"retire: {delete} --env pypi"} <= {row.remedy for row in rows}
    secrets = f"/repos/{SLUG}/environments/pypi/secrets"
    forge.replies[secrets] = forge_server.refusal(403, "Resource not accessible by integration")
    _, rows = look(read_project(root), None)
    assert any(row.remedy == f"retire: {delete}" for row in rows)
    assert any("tokens: could not be looked at" in row.said for row in rows)
    del forge.replies[secrets]
    text = "\n".join(status_lines(standing, rows))
    assert "✓ index" in text
    assert "Done: nothing is left to do" in text
    other = {**said, "repository": "somebody/else"}
    bundle = {"publisher": other, "attestations": [{}]}
    index.provenance[WHEEL] = {"attestation_bundles": [bundle]}
    assert step(root) is Step.YANK


def test_a_forge_that_refuses_leaves_the_run_unknown(
    root: Path, forge: ForgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagged(root)
    on_github(monkeypatch)
    forge.token = "wanted"
    standing, _ = look(read_project(root), None)
    assert standing.observation.looks["run"].state is Run.UNKNOWN
    assert standing.step is Step.LOOK
    assert "gh auth login" in standing.what


def test_a_token_that_cannot_be_one_hides_nothing_else(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagged(root)
    on_github(monkeypatch)
    monkeypatch.setenv("GITHUB_TOKEN", "two words")
    seen = observe(root)
    assert (seen.looks["run"].state, seen.looks["forge"].state) == (
        Run.UNKNOWN,
        ForgeRelease.UNKNOWN,
    )
    assert seen.looks["remote_tag"].state is RemoteTag.THERE


def test_a_tag_on_files_of_another_version_is_followed_by_the_policy(root: Path) -> None:
    git(root, "tag", "--annotate", "--message", "1.2.4", "v1.2.4")
    git(root, "push", "--quiet", "origin", "refs/tags/v1.2.4")
    seen = observe(root, "1.2.4")
    assert seen.looks["stated"].state is Stated.VERSION
    assert "says 1.2.3" in seen.looks["stated"].said


@pytest.mark.parametrize("stated", ["1.2.2", "latest"])
def test_what_citation_states_is_seen_by_itself(tmp_path: Path, stated: str) -> None:
    cff = f"cff-version: 1.2.0\nmessage: cite\ntitle: x\nversion: {stated}\n"
    root = make_project(tmp_path / "cited", {"CITATION.cff": cff})
    git(root, "tag", "v1.2.3")
    assert observe(root).looks["stated"].state is Stated.CITATION
    module = FILES["src/small_thing/__init__.py"].replace("1.2.3", "1.2.1")
    write(root, {"src/small_thing/__init__.py": module, "CITATION.cff": None})
    commit(root)
    git(root, "tag", "--force", "v1.2.3")
    assert observe(root).looks["stated"].state is Stated.VERSION


# The states, from what was seen.

RUN = WorkflowRun(7, ".github/workflows/release.yml", "push", "v1", "completed", "failure", None)


@pytest.mark.parametrize(
    ("status", "conclusion", "jobs", "signs", "state"),
    [
        ("queued", None, {}, True, Run.RUNNING),
        ("waiting", None, {}, True, Run.WAITING),
        ("completed", "action_required", {}, True, Run.WAITING),
        ("completed", "startup_failure", {}, True, Run.BROKEN),
        ("completed", "success", {"publish": "success"}, True, Run.SUCCEEDED),
        ("completed", "success", {"publish": "skipped"}, True, Run.SKIPPED),
        ("completed", "failure", {"test": "failure", "publish": "skipped"}, True, Run.FAILED),
        ("completed", "failure", {"publish": "failure"}, True, Run.FAILED_PUBLISHING),
        ("completed", "failure", {"publish": "failure"}, False, Run.BROKEN),
        ("completed", "failure", {"publish": "success", "page": "failure"}, True, Run.FAILED_AFTER),
        ("completed", "cancelled", {"build": "cancelled"}, True, Run.STOPPED),
        ("completed", "timed_out", {"build": "timed_out"}, True, Run.STOPPED),
    ],
)
def test_how_a_run_stands(
    status: str, conclusion: str | None, jobs: dict[str, str], signs: bool, state: Run
) -> None:
    run = replace(RUN, status=status, conclusion=conclusion)
    shown = [CheckRun(name, "completed", ended) for name, ended in jobs.items()]
    assert run_state(run, shown, "publish", signs=signs)[0] is state


def test_a_job_is_known_in_a_matrix_and_in_a_called_workflow() -> None:
    assert is_of("publish (3.12)", "publish")
    assert is_of("publish / upload", "publish")
    assert not is_of("publish-docs", "publish")


def served(name: str, data: bytes, *, yanked: bool = False, days: int = 0) -> ServedFile:
    digest = hashlib.sha256(data).hexdigest()
    uploaded = NOW - timedelta(days=days)
    return ServedFile(name, "1.2.3", f"/f/{name}", digest, len(data), uploaded, yanked)


BUILT = {name: hashlib.sha256(b"x").hexdigest() for name in (WHEEL, SDIST)}
WANTED = Expected("small-thing", "1.2.3", "", digests=BUILT, source="build's evidence")
BOTH = [served(WHEEL, b"x"), served(SDIST, b"x")]


@pytest.mark.parametrize(
    ("files", "state"),
    [
        ([], Index.NONE),
        (BOTH, Index.COMPLETE),
        (BOTH[:1], Index.PARTIAL),
        ([served(WHEEL, b"x", days=15)], Index.CLOSED),
        ([served(WHEEL, b"y"), BOTH[1]], Index.DIFFERENT),
        ([*BOTH, served("small_thing-1.2.3.zip", b"x")], Index.DIFFERENT),
        ([served(WHEEL, b"x", yanked=True), served(SDIST, b"x", yanked=True)], Index.YANKED),
    ],
)
def test_how_an_index_stands(files: list[ServedFile], state: Index) -> None:
    assert index_state(files, WANTED, NOW).state is state


def test_without_evidence_an_index_is_complete_and_said_not_to_be_compared() -> None:
    found = index_state(BOTH[:1], replace(WANTED, digests=None), NOW)
    assert (found.state, "not compared" in found.said) == (Index.COMPLETE, True)


@pytest.mark.parametrize(
    ("release", "state"),
    [
        (None, ForgeRelease.NONE),
        (Release("p", True, ()), ForgeRelease.DRAFT),
        (Release("p", False, ()), ForgeRelease.COMPLETE),
        (Release("p", False, (Asset(WHEEL, None),)), ForgeRelease.INCOMPLETE),
        (Release("p", False, (Asset(WHEEL, "0" * 64),)), ForgeRelease.DIFFERENT),
        (
            Release("p", False, tuple(Asset(*item) for item in BUILT.items())),
            ForgeRelease.COMPLETE,
        ),
    ],
)
def test_how_the_forges_release_stands(release: Release | None, state: ForgeRelease) -> None:
    assert forge_state(release, BOTH).state is state


@pytest.mark.parametrize(
    ("checks", "state"),
    [
        (Checks(), Judged.NOT_EXPECTED),
        (Checks(checks=(CheckRun("ci", "completed", "success", SERVICE, None),)), Judged.GREEN),
        (Checks(checks=(CheckRun("ci", "pending", None, SERVICE, None),)), Judged.RUNNING),
        (Checks(checks=(CheckRun("ci", "completed", "error", SERVICE, None),)), Judged.RED),
        (Checks(checks=(CheckRun("x", "completed", "failure", "codecov", 1),)), Judged.RED),
        (Checks(runs=(RUN,)), Judged.NOT_EXPECTED),  # the tag's own
        (Checks(runs=(replace(RUN, branch="main"),)), Judged.RED),
        (
            Checks(runs=(replace(RUN, branch="main"), replace(RUN, id=8, branch="main",
                                                              conclusion="success"))),
            Judged.GREEN,
        ),
    ],
)  # fmt: skip
def test_how_the_checks_of_a_commit_stand(checks: Checks, state: Judged) -> None:
    assert checks_state(checks, "v1").state is state


def test_attestations_that_are_promised_and_absent_are_missing() -> None:
    wanted = replace(
        WANTED, promised=True, publishing=Publishing("release.yml", "publish", True, True, True)
    )
    assert attestations_state([WHEEL], {}, wanted).state is Attestations.MISSING
    assert attestations_state([WHEEL], {}, WANTED).state is Attestations.NOT_EXPECTED
    empty: dict[str, object] = {"attestation_bundles": []}
    assert attestations_state([WHEEL], {WHEEL: empty}, wanted).state is Attestations.MISSING
    other = {"publisher": {"kind": "GitHub", "repository": "a/b", "workflow": "x.yml"}}
    bundle = {"attestation_bundles": [{**other, "attestations": [{}]}]}
    assert attestations_state([WHEEL], {WHEEL: bundle}, wanted).state is Attestations.WRONG
    with pytest.raises(CannotCheck):
        attestations_state([WHEEL], {WHEEL: {"attestation_bundles": 1}}, wanted)
