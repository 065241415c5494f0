"""What is kept of the last release: the files that the evidence of the tagged commit names."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from release.model import Artifact, Evidence, Outcome
from release.project import read_project
from release.run.released import keep_released, kept_files
from release.run.store import Store
from tests.support import commit, git, make_project


def built(root: Path, version: str, *, dirty: bool = False, tag: str | None = "v{}") -> Store:
    """A project whose `build` made two files of a version, with a tag on their commit."""
    store = Store(root)
    dist = store.folder / "dist"
    dist.mkdir(exist_ok=True)
    for old in dist.iterdir():
        old.unlink()
    artifacts = []
    for name in (f"small_thing-{version}.tar.gz", f"small_thing-{version}-py3-none-any.whl"):
        data = f"{name} of {version}".encode()
        (dist / name).write_bytes(data)
        artifacts.append(Artifact(f"dist/{name}", len(data), hashlib.sha256(data).hexdigest()))
    head = git(root, "rev-parse", "HEAD")
    if tag:
        git(root, "tag", "--annotate", "--message", "x", tag.format(version))
    store.save(
        Evidence(
            gate="build",
            outcome=Outcome.passed(
                2, "built", artifacts=tuple(artifacts), facts={"version": version}
            ),
            commit=head,
            tree=git(root, "rev-parse", "HEAD^{tree}"),
            dirty=dirty,
            key="k",
            key_after="k",
            level=None,
            tools={},
            commands=(),
            started=datetime(2026, 1, 2, tzinfo=UTC),
            seconds=1.0,
            log=None,
        )
    )
    return store


def names(store: Store) -> list[str]:
    return [path.name for path in kept_files(store.folder)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def test_the_files_of_a_tagged_commit_are_kept(root: Path) -> None:
    store = built(root, "1.2.3")
    keep_released(read_project(root), store.folder)
    assert names(store) == ["small_thing-1.2.3-py3-none-any.whl", "small_thing-1.2.3.tar.gz"]
    wheel = kept_files(store.folder)[0]
    assert wheel.read_text() == "small_thing-1.2.3-py3-none-any.whl of 1.2.3"


def test_keeping_twice_changes_nothing(root: Path) -> None:
    store = built(root, "1.2.3")
    keep_released(read_project(root), store.folder)
    before = [path.stat().st_mtime_ns for path in kept_files(store.folder)]
    keep_released(read_project(root), store.folder)
    assert [path.stat().st_mtime_ns for path in kept_files(store.folder)] == before


def test_the_last_two_releases_are_kept(root: Path) -> None:
    for version in ("1.9.0", "1.10.0", "1.11.0"):
        (root / "README.md").write_text(version)
        commit(root)
        store = built(root, version)
        keep_released(read_project(root), store.folder)
    found = sorted({path.parent.name for path in kept_files(store.folder)})
    assert found == ["1.10.0", "1.11.0"]


@pytest.mark.parametrize(
    ("version", "dirty", "tag"),
    [("1.2.3", True, "v{}"), ("1.2.3", False, None), ("1.3.0rc1", False, "v{}")],
    ids=["of changes that were not committed", "never tagged", "a candidate"],
)
def test_what_is_no_final_release_is_not_kept(
    root: Path, version: str, dirty: bool, tag: str | None
) -> None:
    store = built(root, version, dirty=dirty, tag=tag)
    keep_released(read_project(root), store.folder)
    assert names(store) == []


def test_files_of_another_commit_than_the_tagged_one_are_not_kept(root: Path) -> None:
    store = built(root, "1.2.3")
    (root / "README.md").write_text("more")
    commit(root)
    git(root, "tag", "--force", "--annotate", "--message", "x", "v1.2.3")
    keep_released(read_project(root), store.folder)
    assert names(store) == []


def test_files_that_were_changed_since_are_not_kept(root: Path) -> None:
    store = built(root, "1.2.3")
    (store.folder / "dist" / "small_thing-1.2.3.tar.gz").write_bytes(b"other")
    keep_released(read_project(root), store.folder)
    assert names(store) == []


def test_nothing_is_kept_through_a_link(root: Path, tmp_path: Path) -> None:
    store = built(root, "1.2.3")
    outside = tmp_path / "outside"
    outside.mkdir()
    (store.folder / "released").symlink_to(outside)
    keep_released(read_project(root), store.folder)
    assert names(store) == []
    assert list(outside.iterdir()) == []


def test_without_evidence_there_is_nothing_to_keep(root: Path) -> None:
    store = Store(root)
    (store.folder / "evidence" / "build.json").write_text("{")
    keep_released(read_project(root), store.folder)
    assert names(store) == []
