"""Every path to a tag judges distributions of the tag's version, whatever the version's source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.version import Version

from release.change.releasing import Done, bump, cut, dry_bump, dry_cut, dry_tag, tag
from release.change.situation import Request, look, stands_in_files
from release.errors import ReleaseError
from release.model import Gate, Outcome
from release.project import Project, read_project
from release.registry import installed
from release.run.preflight import preflight
from release.run.shell import Shell
from tests.change.test_faults import GATES
from tests.run.test_runner import Silent
from tests.support import Judge, commit, git, make_project, with_remote, write

METADATA = """\
[build-system]
requires = ["setuptools", "setuptools-scm"]
build-backend = "setuptools.build_meta"

[project]
name = "small-thing"
dynamic = ["version"]
description = "A small thing."
readme = "README.md"
requires-python = ">=3.11"
license = "MIT"
license-files = ["LICENSE"]

[tool.release]
publish = false
"""
NO_VERSION = {"src/small_thing/__init__.py": '"""A small thing."""\n'}
CHANGELOG = "# Changelog\n\n## 0.3.1 - 2026-01-02\n\n- A first thing.\n"
WRITTEN = CHANGELOG.replace("## 0.3.1", "## 0.4.0 - 2026-02-03\n\n- A second thing.\n\n## 0.3.1")


def build_like_scm(project: Project, shell: Shell) -> Outcome:
    """A build whose version comes from the tags of the commit that it is told to judge."""
    version = str(max(project.released_here.values(), default="0.3.2.dev1"))
    return Outcome.passed(1, f"built {version}", facts={"version": version})


def build_of(version: str) -> Gate:
    made = Outcome.passed(1, f"built {version}", facts={"version": version})
    return Gate("build", "builds", lambda project, shell: made)


SCM = {"build": Gate("build", "builds", build_like_scm)}


@pytest.fixture(autouse=True)
def _few_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    gates = {name: one for name, one in installed().items() if name in GATES}
    monkeypatch.setattr("release.registry.installed", lambda: gates)


def project(tmp_path: Path, files: Mapping[str, str], last: str = "v0.3.1") -> Path:
    """A project whose last release is tagged, and which has a later commit."""
    root = make_project(tmp_path / "thing", {**NO_VERSION, **files})
    with_remote(root)
    git(root, "tag", "--annotate", "--message", "x", last)
    write(root, {"README.md": "# Small thing\n\nIt is smaller.\n"})
    commit(root)
    git(root, "push", "--quiet", "origin", "main", last)
    return root


def released(root: Path, name: str) -> bool:
    return f"refs/tags/{name}" in git(root, "ls-remote", "origin")


def cut_(root: Path, judge: Judge, step: str, gates: Mapping[str, Gate] = SCM) -> Done:
    return cut(judge.run(root, gates=gates), Request(step), Silent())


def test_a_section_that_is_written_already_is_judged_as_if_it_were_tagged(
    tmp_path: Path, judge: Judge
) -> None:
    root = project(tmp_path, {"pyproject.toml": METADATA, "CHANGELOG.md": CHANGELOG})
    write(root, {"CHANGELOG.md": WRITTEN})
    commit(root)
    # What the checklist says of the commit without the tag does not stand in for it.
    preflight(judge.run(root, gates=SCM), Silent())
    done = cut_(root, judge, "0.4.0")
    assert done.report is not None
    (built,) = [e.outcome.facts["version"] for e in done.report.gates if e.gate == "build"]
    assert built == "0.4.0"
    assert released(root, "v0.4.0")


@pytest.mark.parametrize("more", ["", 'pull-request-branch = "release-{version}"\n'])
def test_a_version_that_no_file_has_is_tagged_on_this_commit(
    more: str, tmp_path: Path, judge: Judge
) -> None:
    root = project(tmp_path, {"pyproject.toml": METADATA + more})
    done = cut_(root, judge, "patch")
    assert done.said[0].endswith("as v0.3.2")
    assert released(root, "v0.3.2")


def test_a_tag_is_not_made_for_distributions_of_another_version(
    tmp_path: Path, judge: Judge
) -> None:
    root = project(tmp_path, {"pyproject.toml": METADATA, "CHANGELOG.md": CHANGELOG})
    preflight(judge.run(root, gates=SCM), Silent())
    said = r"the tag would say 0\.4\.0, and the distributions are of version 0\.3\.2\.dev1"
    for action in (
        lambda: tag(judge.run(root, gates=SCM), Request("0.4.0")),
        lambda: dry_tag(read_project(root, SCM), Request("0.4.0"), judge.tools),
    ):
        with pytest.raises(ReleaseError, match=said) as caught:
            action()
        assert "version control" in str(caught.value)
        assert "nox -s cut -- 0.4.0" in str(caught.value.problems[0].remedy)
    assert not released(root, "v0.4.0")


def test_a_version_that_is_its_tag_is_not_tagged_unjudged(tmp_path: Path, judge: Judge) -> None:
    root = project(tmp_path, {"pyproject.toml": METADATA})
    with pytest.raises(ReleaseError, match="the distributions were not judged") as caught:
        cut_(root, judge, "0.4.0", {})
    assert "version control" in str(caught.value)
    assert not released(root, "v0.4.0")


def test_a_backend_that_makes_another_version_is_not_released(tmp_path: Path, judge: Judge) -> None:
    root = project(tmp_path, {"pyproject.toml": METADATA})
    with pytest.raises(ReleaseError, match=r"the distributions are of version 0\.0\.0"):
        cut_(root, judge, "0.4.0", {"build": build_of("0.0.0")})
    assert git(root, "tag") == "v0.3.1"


def test_the_first_release_of_a_version_that_is_its_tag_skips_nothing(
    tmp_path: Path, judge: Judge
) -> None:
    root = make_project(tmp_path / "thing", {**NO_VERSION, "pyproject.toml": METADATA})
    with_remote(root)
    cut_(root, judge, "2.0")
    assert released(root, "v2.0")


def test_a_towncrier_section_that_is_not_written_yet_stands_in_no_file(tmp_path: Path) -> None:
    table = '[tool.towncrier]\nfilename = "CHANGELOG.md"\ndirectory = "changes"\n'
    files = {"pyproject.toml": METADATA + table, "changes/.gitkeep": "", "CHANGELOG.md": CHANGELOG}
    root = project(tmp_path, {**files, "changes/12.feature.md": "A second thing.\n"})
    assert not stands_in_files(look(read_project(root)), Version("0.4.0"))
    write(root, {"CHANGELOG.md": WRITTEN, "changes/12.feature.md": None})
    assert stands_in_files(look(read_project(root)), Version("0.4.0"))


SETTINGS = "[tool.release]\npublish = false\n"
SETUP_PY = """\
import os
from setuptools import setup

{source}
setup(name="small-thing", version={version}, description="A small thing.")
"""
CARGO = '[package]\nname = "small-thing"\nversion = "0.3.1"\n'
MATURIN = METADATA.replace('["setuptools", "setuptools-scm"]', '["maturin"]').replace(
    "setuptools.build_meta", "maturin"
)
PLAIN = METADATA.replace(', "setuptools-scm"', "")
UNREAD: Mapping[str, tuple[Mapping[str, str], str]] = {
    "cargo": ({"pyproject.toml": MATURIN, "Cargo.toml": CARGO}, "Cargo.toml"),
    "file": (
        {
            "pyproject.toml": SETTINGS,
            "setup.py": SETUP_PY.format(
                source='version = open(os.path.join("src", "version.txt")).read()',
                version="version",
            ),
            "src/version.txt": "0.3.1\n",
        },
        "src/version.txt, which setup.py reads",
    ),
    "computed": (
        {"pyproject.toml": SETTINGS, "setup.py": SETUP_PY.format(source="", version="str(0.1)")},
        "setup.py, which computes it (line 5)",
    ),
    "attribute": (
        {"pyproject.toml": PLAIN + '[tool.setuptools.dynamic]\nversion = {attr = "no.where"}\n'},
        "[tool.setuptools.dynamic] version = {attr = 'no.where'} in pyproject.toml",
    ),
    "hook": (
        {
            "pyproject.toml": PLAIN.replace("setuptools.build_meta", "hatchling.build")
            + '[tool.hatch.metadata.hooks.custom]\npath = "hook.py"\n'
        },
        "[tool.hatch.metadata.hooks] in pyproject.toml",
    ),
    "own backend": (
        {
            "pyproject.toml": PLAIN.replace(
                '"setuptools.build_meta"', '"own"\nbackend-path = ["tools"]'
            )
        },
        "the project's own build backend (own)",
    ),
    "backend": (
        {"pyproject.toml": PLAIN.replace("setuptools.build_meta", "acme.build")},
        "the build backend (acme.build)",
    ),
}


@pytest.mark.parametrize("case", UNREAD)
def test_a_version_from_a_source_that_is_not_read_is_refused_by_its_name(
    case: str, tmp_path: Path, judge: Judge
) -> None:
    files, source = UNREAD[case]
    root = project(tmp_path, {"CHANGELOG.md": CHANGELOG, **files})
    before = git(root, "for-each-ref")
    for action in (
        lambda: bump(judge.run(root), Request("minor")),
        lambda: cut_(root, judge, "minor"),
        lambda: dry_bump(read_project(root), Request("minor"), judge.tools),
        lambda: dry_cut(read_project(root), Request("minor"), judge.tools),
    ):
        with pytest.raises(ReleaseError) as caught:
            action()
        assert f"the version comes from {source}" in str(caught.value)
        assert "[tool.bumpversion]" in str(caught.value.problems[0].remedy)
    assert git(root, "for-each-ref") == before


def test_a_version_that_is_changed_by_hand_is_tagged_where_it_is_the_one_that_is_built(
    tmp_path: Path, judge: Judge
) -> None:
    root = project(tmp_path, {"pyproject.toml": MATURIN, "Cargo.toml": CARGO})
    write(root, {"Cargo.toml": CARGO.replace("0.3.1", "0.4.0")})
    commit(root)
    git(root, "push", "--quiet")
    old, new = {"build": build_of("0.3.1")}, {"build": build_of("0.4.0")}
    preflight(judge.run(root, fresh=True, gates=old), Silent())
    with pytest.raises(ReleaseError, match=r"their version comes from Cargo\.toml") as caught:
        tag(judge.run(root, gates=old), Request("0.4.0"))
    assert "make it 0.4.0 there" in str(caught.value.problems[0].remedy)
    preflight(judge.run(root, fresh=True, gates=new), Silent())
    tag(judge.run(root, gates=new), Request("0.4.0"))
    assert released(root, "v0.4.0")


def test_a_source_that_is_not_read_is_edited_where_bump_my_version_lists_it(
    tmp_path: Path, judge: Judge
) -> None:
    table = (
        '[tool.bumpversion]\ncurrent_version = "0.3.1"\n[[tool.bumpversion.files]]\n'
        'filename = "Cargo.toml"\n'
    )
    root = project(tmp_path, {"pyproject.toml": MATURIN + table, "Cargo.toml": CARGO})
    bump(judge.run(root), Request("minor"))
    assert 'version = "0.4.0"' in (root / "Cargo.toml").read_text()
    assert 'current_version = "0.4.0"' in (root / "pyproject.toml").read_text()


def test_a_constant_of_setup_py_is_read_and_edited(tmp_path: Path, judge: Judge) -> None:
    text = SETUP_PY.format(source="VERSION = '0.3.1'", version="VERSION")
    root = project(tmp_path, {"pyproject.toml": SETTINGS, "setup.py": text})
    found = read_project(root)
    assert (found.version, found.version_source) == ("0.3.1", "setup.py")
    bump(judge.run(root), Request("minor"))
    assert "VERSION = '0.4.0'" in (root / "setup.py").read_text()


@pytest.mark.parametrize("step", ["0.3.2", "major"])
def test_a_released_commit_is_not_another_release(step: str, tmp_path: Path, judge: Judge) -> None:
    root = make_project(tmp_path / "thing", {"CHANGELOG.md": UNRELEASED})
    with (root / "pyproject.toml").open("a") as file:
        file.write("[tool.release]\npublish = false\n")
    commit(root)
    with_remote(root)
    cut_(root, judge, "minor", {})
    assert released(root, "v1.3.0")
    wanted = "1.3.1" if step == "0.3.2" else step
    refusals = []
    for action in (
        lambda: bump(judge.run(root), Request(wanted)),
        lambda: cut_(root, judge, wanted, {}),
        lambda: dry_cut(read_project(root), Request(wanted), judge.tools),
    ):
        with pytest.raises(ReleaseError) as caught:
            action()
        refusals.append(str(caught.value))
    assert len(set(refusals)) == 1, refusals
    assert "is released" in " ".join(cut_(root, judge, "minor", {}).said)


UNRELEASED = """\
# Changelog

## [Unreleased]

### Added

- A second thing.

## [1.2.3] - 2026-01-01

### Added

- A thing.
"""


def evidence(root: Path, gate: str) -> dict[str, object]:
    data = json.loads((root / f".release/evidence/{gate}.json").read_text())
    assert isinstance(data, dict)
    return data


@pytest.fixture
def judged(tmp_path: Path, judge: Judge) -> Path:
    """A static project whose evidence is complete, ready to be tagged."""
    root = make_project(tmp_path / "thing", {".gitignore": "*.local\n", "own.local": "good\n"})
    with (root / "pyproject.toml").open("a") as file:
        file.write("[tool.release]\npublish = false\n")
    commit(root)
    with_remote(root)
    preflight(judge.run(root, gates={"build": build_of("1.2.3")}), Silent())
    return root


def tag_judged(root: Path, judge: Judge) -> Done:
    return tag(judge.run(root, gates={"build": build_of("1.2.3")}), Request())


def test_complete_evidence_of_what_is_here_is_tagged(judged: Path, judge: Judge) -> None:
    tag_judged(judged, judge)
    assert released(judged, "v1.2.3")


def test_a_tag_whose_push_was_cut_short_needs_no_other_evidence(judged: Path, judge: Judge) -> None:
    hook = judged.parent / "thing.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ReleaseError, match="refused the push"):
        tag_judged(judged, judge)
    hook.unlink()
    tag_judged(judged, judge)
    assert released(judged, "v1.2.3")


def test_evidence_counts_no_longer_when_an_ignored_file_changed(judged: Path, judge: Judge) -> None:
    write(judged, {"own.local": "bad\n"})
    with pytest.raises(ReleaseError, match="something that it reads has changed since"):
        tag_judged(judged, judge)


def test_evidence_counts_no_longer_when_a_variable_changed(
    judged: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SWITCH", "on")
    with pytest.raises(ReleaseError, match="something that it reads has changed since"):
        tag_judged(judged, judge)


def test_a_file_that_was_only_good_while_it_was_judged_is_not_tagged(
    judged: Path, judge: Judge
) -> None:
    readme = judged / "README.md"
    committed = readme.read_text()

    def reverts(project: object, shell: Shell) -> Outcome:
        readme.write_text(committed)
        return Outcome.passed(1, "fine")

    gates = {"build": build_of("1.2.3"), "own": Gate("own", "o", reverts, needs=("build",))}

    def spoils(project: object, shell: Shell) -> Outcome:
        readme.write_text("good for a while")
        return Outcome.passed(1, "built", facts={"version": "1.2.3"})

    gates["build"] = Gate("build", "b", spoils)
    report = preflight(judge.run(judged, fresh=True, gates=gates), Silent())
    assert git(judged, "status", "--porcelain") == ""
    assert report.verdict == "ready"
    with pytest.raises(ReleaseError, match="something that it reads changed while it was judged"):
        tag(judge.run(judged, gates=gates), Request())


@pytest.mark.parametrize("status", ["passed", "not-applicable"])
def test_evidence_that_is_written_by_hand_is_not_tagged(
    status: str, judged: Path, judge: Judge
) -> None:
    forged = evidence(judged, "build") | {"status": status, "key": "1" * 64, "key_after": "1" * 64}
    (judged / ".release/evidence/build.json").write_text(json.dumps(forged))
    with pytest.raises(ReleaseError, match="build unchecked: something that it reads has changed"):
        tag_judged(judged, judge)


def test_distributions_that_were_exchanged_since_are_not_tagged(
    tmp_path: Path, judge: Judge, judged: Path
) -> None:
    def builds(project: object, shell: Shell) -> Outcome:
        wheel = judged / ".release/dist/thing.whl"
        wheel.parent.mkdir(exist_ok=True)
        wheel.write_bytes(b"judged")
        made = shell.artifact(wheel)
        return Outcome.passed(1, "built", artifacts=(made,), facts={"version": "1.2.3"})

    gates = {"build": Gate("build", "b", builds, writes=("dist",))}
    preflight(judge.run(judged, fresh=True, gates=gates), Silent())
    (judged / ".release/dist/thing.whl").write_bytes(b"another")
    with pytest.raises(ReleaseError, match="the files that it made are not there as they were"):
        tag(judge.run(judged, gates=gates), Request())
