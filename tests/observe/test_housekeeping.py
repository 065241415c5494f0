"""What is left to tidy up once a release is out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.observe import housekeeping
from release.observe.expected import expected
from release.observe.housekeeping import (
    badges,
    blocking_issues,
    development_version,
    doi_badge,
    rows,
    sbom,
)
from release.observe.status import Scene, observed
from release.project import read_project
from release.world.standing import Archive, Look, Observation
from tests.forge_server import hosting
from tests.index_server import IndexServer
from tests.support import PYPROJECT, commit, git, make_project, write

SETTINGS = """
[tool.release]
sbom = ["sbom/small-thing.cdx.json"]
development-version = true
"""
BADGE = "![version](https://img.shields.io/badge/version-{}-blue)\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "pyproject.toml": PYPROJECT + SETTINGS,
        "README.md": f"# Small thing\n\n{BADGE.format('1.2.2')}",
        "sbom/small-thing.cdx.json": "{}\n",
    }
    found = make_project(tmp_path / "small-thing", files)
    git(found, "tag", "v1.2.3")
    return found


def looked(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Scene, Observation]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    project = read_project(root)
    with IndexServer() as index:
        wanted = replace(expected(project, "1.2.3"), index=index.simple)
        scene = Scene(project, wanted, datetime.now(UTC))
        return scene, observed(scene)


def test_a_badge_of_another_version_is_due(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, seen = looked(root, monkeypatch)
    assert [row.mark for row in badges(scene, seen)] == ["!"]
    write(root, {"README.md": BADGE.format("1.2.3")})
    assert list(badges(*looked(root, monkeypatch))) == []


def test_the_sbom_is_due_until_it_is_committed_after_the_tag(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [row.mark for row in sbom(*looked(root, monkeypatch))] == ["!"]
    write(root, {"sbom/small-thing.cdx.json": '{"version": 1}\n'})
    commit(root)
    assert [row.mark for row in sbom(*looked(root, monkeypatch))] == ["✓"]


def test_the_files_go_back_to_a_development_version(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [row.mark for row in development_version(*looked(root, monkeypatch))] == ["!"]
    source = (root / "pyproject.toml").read_text()
    write(root, {"pyproject.toml": source.replace('"1.2.3"', '"1.3.0.dev0"')})
    commit(root)
    assert [row.mark for row in development_version(*looked(root, monkeypatch))] == ["✓"]


def test_a_doi_is_shown_in_the_readme(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, seen = looked(root, monkeypatch)
    assert list(doi_badge(scene, seen)) == []
    archived = replace(
        seen, looks={**seen.looks, "archive": Look(Archive.THERE, "10.5281/zenodo.1")}
    )
    assert [row.mark for row in doi_badge(scene, archived)] == ["!"]
    write(root, {"README.md": "![DOI](https://zenodo.org/badge/1.svg)\n"})
    assert [row.mark for row in doi_badge(scene, archived)] == ["✓"]


def test_what_held_the_release_up_is_told_while_it_is_open(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(root, {"pyproject.toml": PYPROJECT + SETTINGS + 'blocking-label = "release blocker"\n'})
    _, seen = looked(root, monkeypatch)
    with hosting(root, monkeypatch, tmp_path / "empty") as forge:
        project = read_project(root)
        scene = Scene(project, expected(project, "1.2.3"), datetime.now(UTC))
        with pytest.raises(CannotCheck, match="no label 'release blocker'"):
            list(blocking_issues(scene, seen))
        forge.labels["release blocker"] = {7: "It does not start"}
        [row] = blocking_issues(scene, seen)
        assert (row.mark, "#7" in row.said, "It does not start" in row.said) == ("!", True, True)
        forge.labels["release blocker"] = {}
        assert [row.mark for row in blocking_issues(scene, seen)] == ["✓"]


def test_what_cannot_be_looked_at_hides_nothing_else(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_scene: Scene, _seen: Observation) -> None:
        raise CannotCheck("no network", "look at the network")

    fails.__name__ = "tokens"
    monkeypatch.setattr(housekeeping, "tokens", fails)
    found = rows(*looked(root, monkeypatch))
    assert any("tokens: could not be looked at: no network" in row.said for row in found)
    assert any("README.md" in row.said for row in found)
