"""The settings of known procedures are those that the procedures are tested with."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from release import render
from release.actions.adopt import PROCEDURES
from release.adopt.facts import facts
from release.adopt.plan import plan
from release.adopt.templates import like, noxfile
from release.project import read_project
from release.text.toml_additions import completed
from tests.render.shapes import write as write_rendered
from tests.support import make_project, write

PROJECTS = Path(__file__).parent.parent / "projects"
# What a project finds by itself, and what it alone has: nobody else could be given it.
FOUND = {"branch", "tag", "index", "gates.setup.owner", "gates.setup.repository"}
FOUND |= {f"gates.setup.confirmed.{name}" for name in ("publisher", "environment", "archive")}
OWN = {
    "ophamin": {
        "tag-message", "commit.trailers", "schemas.sources", "gates.ci.workflows",
        "gates.docker.required", "gates.zenodo.title", "gates.zenodo.run", "gates.zenodo.project",
        "gates.zenodo.levels",
    },
    "ajolopy": set[str](),
    "chap-checker": {"gates.build.expected"},
    "aksara": {
        "tag-message", "gates.ci.workflows", "gates.security.groups", "gates.diagnostics.groups",
        "gates.fuzz.groups", "gates.fuzz.env.AKSARA_FUZZ_ROUNDS",
        "gates.fuzz.env.AKSARA_FUZZ_SECONDS", "gates.production_check.title",
        "gates.production_check.run", "gates.production_check.needs", "gates.migrations.migrate",
        "gates.migrations.status", "gates.migrations.run", "gates.migrations.folder",
        "gates.migrations.transactional", "gates.migrations.advisory-lock",
        "gates.migrations.checksums",
    },
    "openmed": {"tag-message"},
}  # fmt: skip
# The same by other words: a requirement where the project has a group for it.
OTHERWISE = {f"gates.{name}.install" for name in ("security", "diagnostics", "fuzz")}


def leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def settings(source: str) -> dict[str, Any]:
    return dict(leaves(tomllib.loads(source)["tool"]["release"]))


@pytest.mark.parametrize("name", PROCEDURES)
def test_they_are_those_of_the_project_that_is_released_by_them(name: str) -> None:
    root = PROJECTS / name.replace("-", "_")
    tested = settings((root / "pyproject.toml").read_text(encoding="utf-8"))
    said = settings(like(read_project(root), name))
    assert {key: said[key] for key in said.keys() - OTHERWISE}.items() <= tested.items()
    assert tested.keys() - said.keys() == (FOUND & tested.keys()) | OWN[name]


@pytest.mark.parametrize("workflows", [False, True])
@pytest.mark.parametrize("name", PROCEDURES)
def test_any_project_can_have_them_and_has_them_once(
    name: str, workflows: bool, tmp_path: Path
) -> None:
    root = make_project(tmp_path / "small-thing")
    project = read_project(root)
    text = like(project, name, workflows=workflows)
    adoption = plan(project, facts(project), noxfile(), text)
    write(root, {change.path: change.after for change in adoption.changes})
    after = read_project(root)
    assert settings(text).items() <= settings((root / "pyproject.toml").read_text()).items()
    assert (after.settings.workflows is not None) == workflows
    if workflows:
        write_rendered(root, render.files(after))
    for asked in {False, workflows}:
        again = plan(after, facts(after), noxfile(), like(after, name, workflows=asked))
        assert (again.changes, again.remarks) == ((), ())


def test_what_the_repository_lacks_is_left_out(tmp_path: Path) -> None:
    root = make_project(tmp_path / "small-thing")
    assert "schemas.register" not in settings(like(read_project(root), "ophamin"))
    write(root, {"SCHEMAS.md": "", "tests/security/test_a.py": ""})
    assert "schemas.register" in settings(like(read_project(root), "ophamin"))
    assert "gates.security.run" in settings(like(read_project(root), "aksara"))


@pytest.mark.parametrize("name", PROCEDURES)
def test_each_table_ends_in_a_line_and_begins_after_one(name: str, tmp_path: Path) -> None:
    text = like(read_project(make_project(tmp_path / "small-thing")), name)
    assert "\n\n\n" not in text
    assert completed("", text).startswith("#")
