"""Five release procedures, each as a small repository that is released for real.

The repositories are below tests/projects/, which has a table of what each procedure asks for. What
a release leaves (the commit's text and changes, the tag) is compared with NAME.expected/STEP.txt.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from release.change.releasing import Done, bump, cut, dry_cut, tag
from release.change.situation import Request
from release.errors import ReleaseError
from release.model import Evidence, Gate, Status, Verdict
from release.run.preflight import preflight
from tests.support import Judge, commit, git, with_remote, write

PROJECTS = Path(__file__).parent / "projects"
PLACEHOLDER = "file:///the/index/of/the/test"
# Gates that take long and judge a minor release as they did the patch release before it.
ONCE = (
    *("migrations", "docs", "secrets", "static_analysis", "sbom"),
    *("typecheck", "parity", "ratchet"),
)


@dataclass
class Heard:
    """What the gates of one checklist said."""

    found: dict[str, Evidence] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def started(self, gate: Gate) -> None:
        pass

    def ended(self, evidence: Evidence) -> None:
        with self.lock:
            self.found[evidence.gate] = evidence

    def status(self, gate: str) -> Status:
        return self.found[gate].outcome.status


@dataclass
class Repository:
    """A project with its history, its bare remote, and the index that it is published to."""

    name: str
    root: Path
    remote: Path
    index: Path
    judge: Judge
    heard: Heard = field(default_factory=Heard)

    def refs(self) -> dict[str, str]:
        """What the remote has."""
        return self._refs(self.remote)

    def local_refs(self) -> dict[str, str]:
        return self._refs(self.root)

    def _refs(self, path: Path) -> dict[str, str]:
        lines = git(path, "for-each-ref", "--format=%(refname) %(objectname)").split("\n")
        return dict(line.split(" ", 1) for line in lines)

    def head(self) -> str:
        return git(self.root, "rev-parse", "HEAD")

    def work(self, message: str, changes: Mapping[str, tuple[str, str]] | None = None) -> str:
        """Commit and push somebody's work; in each file one text gives way to another."""
        for name, (old, new) in (changes or {}).items():
            path = self.root / name
            text = path.read_text(encoding="utf-8")
            assert old in text, f"{name} holds no {old!r}"
            path.write_text(text.replace(old, new, 1), encoding="utf-8")
        made = commit(self.root, message)
        git(self.root, "push", "--quiet", "origin", "main")
        return made

    def bump(self, step: str, *, push: bool = False) -> Done:
        return bump(self.judge.run(self.root), Request(step, push=push))

    def tag(self) -> Done:
        return tag(self.judge.run(self.root), Request())

    def cut(self, step: str, subject: str | None = None, notes: str | None = None) -> Done:
        self.heard = Heard()
        return cut(self.judge.run(self.root), Request(step, subject, notes), self.heard)

    def preflight(self) -> Verdict:
        self.heard = Heard()
        return preflight(self.judge.run(self.root), self.heard).verdict

    def publish(self) -> None:
        """Put what was built into the index, as a workflow would (PEP 503)."""
        folder = self.index / self.name.replace("_", "-")
        folder.mkdir(exist_ok=True)
        for file in (self.root / ".release" / "dist").iterdir():
            shutil.copy(file, folder)
        names = sorted(file.name for file in folder.iterdir() if file.name != "index.html")
        links = [
            f'<a href="{name}#sha256={hashlib.sha256((folder / name).read_bytes()).hexdigest()}">'
            f"{name}</a>"
            for name in names
        ]
        (folder / "index.html").write_text("\n".join(["<!doctype html>", *links]) + "\n")


Start = Callable[..., Repository]


@pytest.fixture
def start(tmp_path: Path, judge: Judge) -> Start:
    """What makes a repository of a project, its last release tagged and everything pushed."""

    def make(name: str, tag_name: str, message: str) -> Repository:
        root = tmp_path / name
        shutil.copytree(
            PROJECTS / name, root, ignore=shutil.ignore_patterns("__pycache__", ".*_cache")
        )
        index = tmp_path / "index"
        index.mkdir()
        pyproject = root / "pyproject.toml"
        text = pyproject.read_text(encoding="utf-8")
        assert PLACEHOLDER in text
        text = text.replace(PLACEHOLDER, index.as_uri())
        for gate in ONCE:
            head, _, tail = text.partition(f"[tool.release.gates.{gate}]\n")
            text = f'{head.rstrip()}\n\n[tool.release.gates.{gate}]\nlevels = ["patch"]\n{tail}'
        pyproject.write_text(text, encoding="utf-8")
        git(root, "init", "--quiet", "--initial-branch=main")
        commit(root, "Start")
        git(root, "tag", "--annotate", "--message", message, tag_name)
        remote = with_remote(root)
        git(root, "push", "--quiet", "origin", f"refs/tags/{tag_name}")
        return Repository(name, root, remote, index, judge)

    return make


def as_text(root: Path, made: str, tag_name: str, day: date) -> str:
    """What a release left, without the names of objects: its commit, its changes, its tag."""
    message = git(root, "log", "-1", "--no-show-signature", "--format=%B", made)
    changes = git(root, "diff", "--no-color", "--no-renames", "--unified=1", f"{made}~1", made)
    changes = re.sub(r"^index .*\n", "", changes, flags=re.M)
    changes = re.sub(r"^(@@ .*? @@).*", r"\1", changes, flags=re.M)
    kind = git(root, "cat-file", "-t", f"refs/tags/{tag_name}")
    said = git(root, "tag", "--list", "--format=%(contents)", tag_name)
    said = said.partition("-----BEGIN")[0].rstrip()
    text = f"{message}\n\n{changes}\n\n{kind} {tag_name}: {said}\n"
    return text.replace(day.isoformat(), "{day}")


def assert_as_expected(here: Repository, step: str, done: Done, made: str, tag_name: str) -> None:
    assert done.plan is not None
    expected = PROJECTS / f"{here.name}.expected" / f"{step}.txt"
    found = as_text(here.root, made, tag_name, done.plan.day)
    assert found == expected.read_text(encoding="utf-8")


def assert_released(here: Repository, before: dict[str, str], tag_name: str) -> None:
    """The remote has the branch and the tag of this commit, and nothing else has changed there."""
    ref = f"refs/tags/{tag_name}"
    made = git(here.root, "rev-parse", ref)
    assert git(here.root, "rev-parse", f"{ref}^{{commit}}") == here.head()
    assert here.refs() == before | {"refs/heads/main": here.head(), ref: made}
    assert git(here.root, "status", "--porcelain", "--branch") == "## main...origin/main"


def assert_finished(here: Repository, step: str, subject: str | None, version: str) -> None:
    """Running `cut` again finds the release done, and changes nothing."""
    remote, local = here.refs(), here.local_refs()
    again = here.cut(step, subject)
    assert f"{version} is released" in again.said[0]
    assert not here.heard.found
    assert (here.refs(), here.local_refs()) == (remote, local)
    assert git(here.root, "status", "--porcelain") == ""


FIXED = "### Fixed\n\n- A record of a value of zero is archived.\n"
ADDED = """\
### Added

- A record states the unit of its value.
"""
MIGRATED = f"""\
{ADDED}
### Schema migrations

- `record` 1 to 2: records get a unit; run `migrations/record_v1_to_v2.py` on an archive.
"""
MIGRATION = '''\
"""Give each record of schema 1 a unit."""


def migrate(record: dict[str, object]) -> dict[str, object]:
    return record | {"schema": 2, "unit": "1"}
'''


@pytest.mark.slow
def test_ophamin_is_cut_straight_on_main(start: Start) -> None:
    here = start("ophamin", "v0.7.2", "Ophamin 0.7.2")
    git(here.root, "config", "core.hooksPath", ".githooks")
    trace = here.root / ".git" / "pre-push.trace"

    before = here.refs()
    done = here.cut("patch", "zero is a value", FIXED)
    assert_as_expected(here, "patch", done, "HEAD", "v0.7.3")
    assert_released(here, before, "v0.7.3")
    assert here.heard.status("typecheck") is here.heard.status("test") is Status.PASSED
    assert here.heard.status("zenodo") is Status.NOT_APPLICABLE
    pushed = [line.split(" ")[2] for line in trace.read_text().splitlines()]
    assert pushed == ["origin", "refs/heads/main", "refs/tags/v0.7.3"]

    # Step 7: what was refreshed for one release is committed for the next one, by itself.
    shutil.copytree(here.root / ".release" / "sbom", here.root / "sbom")
    here.work("Refresh the bill of materials")
    here.work(
        "Give records a unit",
        {
            "src/ophamin/__init__.py": ("RECORD_SCHEMA = 1", "RECORD_SCHEMA = 2"),
            "SCHEMAS.md": ("| `record` | 1 |", "| `record` | 2 |"),
        },
    )
    before = here.refs()
    with pytest.raises(ReleaseError) as refused:
        here.cut("minor", "units", ADDED)
    assert "migration script" in str(refused.value)
    assert "Schema migrations" in str(refused.value)
    assert here.refs() == before
    assert git(here.root, "status", "--porcelain", "--branch") == "## main...origin/main"

    write(here.root, {"migrations/record_v1_to_v2.py": MIGRATION})
    here.work("Migrate records")
    before = here.refs()
    done = here.cut("minor", "units", MIGRATED)
    assert_as_expected(here, "minor", done, "HEAD", "v0.8.0")
    assert_released(here, before, "v0.8.0")
    assert here.heard.status("zenodo") is here.heard.status("schemas") is Status.PASSED
    assert "record 1 to 2" in here.heard.found["schemas"].outcome.summary

    here.work("Say more", {"README.md": ("own.", "own.\n\nSee SCHEMAS.md.")})
    before = here.refs()
    done = here.cut("rc", "a candidate", "### Changed\n\n- The README names the schemas.\n")
    assert_as_expected(here, "rc", done, "HEAD", "v0.9.0rc1")
    assert_released(here, before, "v0.9.0rc1")
    assert_finished(here, "rc", "a candidate", "0.9.0rc1")


def test_ophamin_is_not_released_without_its_hooks(start: Start) -> None:
    here = start("ophamin", "v0.7.2", "Ophamin 0.7.2")
    project = here.judge.run(here.root).project
    with pytest.raises(ReleaseError, match=r"hooks in \.githooks/ are not in use"):
        dry_cut(project, Request("patch", "zero is a value", FIXED), here.judge.tools)


def merged(here: Repository, branch: str, tmp_path: Path, *, squash: bool) -> None:
    """Merge a pull request as a forge does, and pull."""
    forge = tmp_path / "forge"
    subprocess.run(
        ["git", "clone", "--quiet", str(here.remote), str(forge)], check=True, capture_output=True
    )
    if squash:
        git(forge, "merge", "--quiet", "--squash", f"origin/{branch}")
        git(forge, "commit", "--quiet", "--message", f"Merge {branch} (#12)")
    else:
        git(forge, "merge", "--quiet", "--ff-only", f"origin/{branch}")
    git(forge, "push", "--quiet", "origin", "main")
    git(forge, "push", "--quiet", "origin", f":refs/heads/{branch}")
    shutil.rmtree(forge)
    git(here.root, "switch", "--quiet", "main")
    git(here.root, "pull", "--quiet", "--ff-only")


@pytest.mark.slow
def test_ajolopy_is_released_through_pull_requests(start: Start, tmp_path: Path) -> None:
    here = start("ajolopy", "v0.4.2", "ajolopy 0.4.2")

    branch = "chore/release-0.4.3"
    before, head = here.refs(), here.head()
    done = here.bump("patch", push=True)
    assert here.head() == head
    assert git(here.root, "status", "--porcelain", "--branch") == "## main...origin/main"
    assert here.refs() == before | {f"refs/heads/{branch}": git(here.root, "rev-parse", branch)}
    assert "0.4.2 is released" in here.tag().said[0]
    merged(here, branch, tmp_path, squash=False)
    before = here.refs()
    assert here.preflight() is Verdict.READY
    here.tag()
    assert_as_expected(here, "patch", done, branch, "v0.4.3")
    assert_released(here, before, "v0.4.3")

    branch = "chore/release-0.5.0"
    here.work("Greet", {"README.md": ("# Ajolopy", "# Ajolopy, hello")})
    done = here.bump("minor", push=True)
    merged(here, branch, tmp_path, squash=True)
    assert here.head() != git(here.root, "rev-parse", branch)
    before = here.refs()
    with pytest.raises(ReleaseError, match="evidence"):
        here.tag()
    assert here.refs() == before
    assert here.preflight() is Verdict.READY
    here.tag()
    assert_as_expected(here, "minor", done, branch, "v0.5.0")
    assert_released(here, before, "v0.5.0")

    branch = "chore/release-0.6.0rc1"
    here.work("Greet more", {"README.md": ("hello", "hello again")})
    before = here.refs()
    done = here.cut("rc")
    assert done.report is not None
    assert done.report.verdict is Verdict.READY
    assert "merge its pull request" in done.said[-1]
    assert here.refs() == before | {f"refs/heads/{branch}": git(here.root, "rev-parse", branch)}
    again = here.cut("rc")
    assert "is there already" in again.said[0]
    merged(here, branch, tmp_path, squash=False)
    before = here.refs()
    here.cut("rc")
    assert_as_expected(here, "rc", done, branch, "v0.6.0-rc1")
    assert_released(here, before, "v0.6.0-rc1")
    assert_finished(here, "rc", None, "0.6.0rc1")


@pytest.mark.slow
def test_chap_checker_is_cut_straight_from_main(start: Start) -> None:
    here = start("chap_checker", "v0.2.0", "v0.2.0: a page")

    before = here.refs()
    done = here.cut("patch", "shown offline")
    assert_as_expected(here, "patch", done, "HEAD", "v0.2.1")
    assert_released(here, before, "v0.2.1")
    assert done.said[-1] == "next: watch the workflow that the push of v0.2.1 started"
    here.publish()
    assert_finished(here, "patch", "shown offline", "0.2.1")

    entry = "## [Unreleased]\n\n### Added\n\n- Another style.\n"
    here.work("Style", {"CHANGELOG.md": ("## [Unreleased]\n", entry)})
    before = here.refs()
    done = here.cut("minor", "another style")
    assert_as_expected(here, "minor", done, "HEAD", "v0.3.0")
    assert_released(here, before, "v0.3.0")
    here.publish()

    entry = "## [Unreleased]\n\n### Changed\n\n- Wider.\n"
    here.work("Widen", {"CHANGELOG.md": ("## [Unreleased]\n", entry)})
    before = here.refs()
    done = here.cut("rc", "wider")
    assert_as_expected(here, "rc", done, "HEAD", "v0.4.0rc1")
    assert_released(here, before, "v0.4.0rc1")


def test_chap_checker_never_takes_a_version_that_is_on_the_index(start: Start) -> None:
    here = start("chap_checker", "v0.2.0", "v0.2.0: a page")
    folder = here.index / "chap-checker"
    folder.mkdir()
    (folder / "index.html").write_text(
        '<a href="chap_checker-0.2.1.tar.gz">chap_checker-0.2.1.tar.gz</a>\n'
    )
    before = here.local_refs()
    with pytest.raises(ReleaseError, match=r"0\.2\.1 is on the index already"):
        here.cut("patch", "shown offline")
    assert here.local_refs() == before
    project = here.judge.run(here.root).project
    assert dry_cut(project, Request("0.2.2", "shown offline"), here.judge.tools).version == "0.2.2"


def test_chap_checker_never_moves_a_tag_that_somebody_pushed(start: Start) -> None:
    here = start("chap_checker", "v0.2.0", "v0.2.0: a page")
    git(here.root, "push", "--quiet", "origin", "HEAD:refs/tags/v0.2.1")
    before = here.refs()
    project = here.judge.run(here.root).project
    with pytest.raises(ReleaseError, match=r"0\.2\.1 exists already: the tag v0\.2\.1"):
        here.cut("patch", "shown offline")
    assert here.refs() == before
    git(here.root, "push", "--quiet", "--delete", "origin", "v0.2.1")
    plan = dry_cut(project, Request("patch", "shown offline"), here.judge.tools)
    assert plan.version == "0.2.1"


@pytest.mark.slow
def test_chap_checker_is_not_released_without_its_pages(start: Start) -> None:
    here = start("chap_checker", "v0.2.0", "v0.2.0: a page")
    here.work(
        "Forget the pages",
        {
            "pyproject.toml": (
                "[tool.release]\n",
                '[tool.hatch.build]\nexclude = ["*.css"]\n\n[tool.release]\n',
            )
        },
    )
    remote, local = here.refs(), here.local_refs()
    done = here.cut("patch", "shown offline")
    assert done.report is not None
    assert done.report.verdict is Verdict.BLOCKED
    findings = here.heard.found["build"].outcome.findings
    assert any("chap_checker/web_ui/*.css" in finding.message for finding in findings)
    assert (here.refs(), here.local_refs()) == (remote, local)


def with_key(here: Repository, tmp_path: Path) -> Path:
    """Let git sign by a fresh key; returns the file of signers that are allowed to."""
    key = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True
    )
    git(here.root, "config", "gpg.format", "ssh")
    git(here.root, "config", "user.signingKey", str(key))
    allowed = tmp_path / "allowed"
    allowed.write_text(f"maintainer@example.invalid {key.with_suffix('.pub').read_text()}")
    return allowed


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")
def test_aksara_is_tagged_with_a_signature_and_published_by_hand(
    start: Start, tmp_path: Path
) -> None:
    here = start("aksara", "v0.6.1", "Aksara 0.6.1")
    allowed = with_key(here, tmp_path)

    def assert_signed(tag_name: str) -> None:
        for verify in (("tag", "--verify", tag_name), ("verify-commit", "HEAD")):
            git(here.root, "-c", f"gpg.ssh.allowedSignersFile={allowed}", *verify)

    before = here.refs()
    done = here.cut("patch")
    assert_as_expected(here, "patch", done, "HEAD", "v0.6.2")
    assert_released(here, before, "v0.6.2")
    assert_signed("v0.6.2")
    assert done.report is not None
    assert done.report.commit == here.head()
    assert done.said[-1] == "next: publish v0.6.2 by hand; its push triggers nothing"
    for gate in ("security", "diagnostics", "fuzz"):
        assert "1 passed" in (here.root / ".release" / "logs" / f"{gate}.log").read_text()
    log = (here.root / ".release" / "logs" / "production_check.log").read_text()
    assert "aksara 0.6.2: the defaults are safe" in log
    here.publish()

    entry = "## Unreleased\n\n### Added\n\n- `aksara` reads settings of three services.\n"
    here.work("Read more", {"CHANGELOG.md": ("## Unreleased\n", entry)})
    before = here.refs()
    done = here.cut("minor")
    assert_as_expected(here, "minor", done, "HEAD", "v0.7.0")
    assert_released(here, before, "v0.7.0")
    assert_signed("v0.7.0")
    here.publish()

    entry = "## Unreleased\n\n### Added\n\n- `aksara` reads settings of four services.\n"
    here.work("Read still more", {"CHANGELOG.md": ("## Unreleased\n", entry)})
    before = here.refs()
    done = here.cut("rc")
    assert_as_expected(here, "rc", done, "HEAD", "v0.8.0rc1")
    assert_released(here, before, "v0.8.0rc1")
    assert_signed("v0.8.0rc1")


def test_aksara_is_not_released_without_a_key(start: Start) -> None:
    here = start("aksara", "v0.6.1", "Aksara 0.6.1")
    git(here.root, "config", "gpg.format", "ssh")
    before = here.local_refs()
    with pytest.raises(ReleaseError, match="to be signed and no key is set"):
        here.bump("patch")
    assert here.local_refs() == before


@pytest.mark.slow
def test_openmed_gets_its_version_from_the_tag_that_is_cut(start: Start) -> None:
    here = start("openmed", "v1.4.0", "OpenMed 1.4.0")
    for number, (step, version) in enumerate(
        {"patch": "1.4.1", "minor": "1.5.0", "rc": "1.6.0rc1"}.items()
    ):
        term = ('"fever"', f'"fever", "term{number}"')
        head = here.work("Add a term", {"src/openmed/__init__.py": term})
        before = here.refs()
        done = here.cut(step)
        assert here.head() == head
        assert here.heard.status("workflows") is here.heard.status("test") is Status.PASSED
        assert_released(here, before, f"v{version}")
        said = git(here.root, "tag", "--list", "--format=%(objecttype) %(contents)", f"v{version}")
        assert said.strip() == f"tag OpenMed {version}"
        assert done.said[-1] == f"next: watch the workflow that the push of v{version} started"
        built = sorted(file.name for file in (here.root / ".release" / "dist").iterdir())
        assert built == [f"openmed-{version}-py3-none-any.whl", f"openmed-{version}.tar.gz"]
        here.publish()
    assert_finished(here, "rc", None, "1.6.0rc1")
