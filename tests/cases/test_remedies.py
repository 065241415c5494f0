"""What a gate says to do, done word for word: then the gate passes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from release.gates.audit.advisories import Answer, Vulnerability
from release.gates.audit.advisories import judge as judge_advisories
from release.gates.audit.settings import AuditSettings
from release.gates.typecheck import read_mypy, to_install
from release.model import Status
from release.project import read_project
from release.project.declared import chosen_requirements, install_remedy
from release.settings import CommandSettings
from tests.support import PYPROJECT, Judge, make_project, write

network = pytest.mark.network
SETTING = re.compile(r"set (.+?) in (\[tool\.release\.gates\.\w+\])")
LISTS = """
[dependency-groups]
test = ["pytest"]
typing = ["mypy"]
[project.optional-dependencies]
web = ["six>=1.16; python_version > \'3\'"]
"""


def follow(root: Path, remedy: str) -> None:
    """Write what a remedy says is to be set."""
    said = SETTING.search(remedy)
    assert said, remedy
    path = root / "pyproject.toml"
    lines = said[1].replace(" and ", "\n")
    path.write_text(f"{path.read_text()}\n{said[2]}\n{lines}\n")


@pytest.mark.parametrize(
    ("modules", "installed"),
    [
        (["six"], ("six>=1.16",)),
        (["yaml", "pytest_mock"], ("PyYAML", "pytest-mock")),
        (["pkg_resources"], ("setuptools<82",)),
    ],
)
def test_what_a_remedy_installs_is_added_to_what_is_declared(
    tmp_path: Path, modules: list[str], installed: tuple[str, ...]
) -> None:
    root = make_project(tmp_path / "p", {"pyproject.toml": f"{PYPROJECT}{LISTS}".encode()})
    write(root, {"requirements-test.txt": "hypothesis\n"})
    follow(root, install_remedy(read_project(root), "test", modules))
    project = read_project(root)
    wanted = chosen_requirements(
        project, project.settings.gates.of("test", CommandSettings), "test"
    )
    assert wanted.install == installed
    assert (wanted.groups, wanted.files) == (("test",), ("requirements-test.txt",))


def test_stubs_are_installed_by_the_name_that_mypy_gives() -> None:
    said = (Path(__file__).parents[1] / "data/typecheck/mypy.txt").read_text()
    assert read_mypy(said)
    assert to_install(["yaml", "gone"], said) == ["gone", "types-PyYAML"]


def test_a_vulnerability_is_accepted_by_what_the_remedy_names() -> None:
    found = Vulnerability("six", "1.0", "PYSEC-1", ("CVE-1",), (), "bad")
    answer = Answer({"six": "1.0"}, {}, (found,))
    today = date(2026, 1, 1)
    outcome = judge_advisories({"six": "1.0"}, answer, "", (), today)
    assert "tool.release.gates.audit.ignore (id, reason, expires)" in str(
        outcome.findings[0].remedy
    )
    table = {"id": found.id, "reason": "unused", "expires": today}
    settings = AuditSettings.model_validate({"ignore": [table]})
    passed = judge_advisories({"six": "1.0"}, answer, "", settings.ignore, today)
    assert passed.status is Status.PASSED


TESTS = "tests/test_small_thing.py"
PACKAGE = "src/small_thing/__init__.py"
FULL = f"{PYPROJECT}{LISTS}"


@network
@pytest.mark.slow
@pytest.mark.parametrize(
    ("gate", "pyproject", "files"),
    [
        ("test", FULL, {TESTS: "import six\n\n\ndef test_it(): ...\n"}),
        ("test", FULL, {TESTS: "def test_it(mocker): ...\n"}),
        ("test", f'{FULL}\n[tool.pytest.ini_options]\naddopts = "--cov=small_thing"\n',
         {TESTS: "def test_it(): ...\n"}),
        ("test", FULL,
         {TESTS: "import six\n\n\ndef test_it(): ...\n", "tox.ini": "[testenv:test]\n"
          "skip_install = true\ndeps = pytest\ncommands = pytest\n"}),
        ("typecheck", f"{FULL}\n[tool.mypy]\nstrict = true\n",
         {PACKAGE: "import yaml\n\nA: str = yaml.safe_dump({})\n"}),
        ("typecheck", f"{FULL}\n[tool.ty.environment]\n", {}),
        ("typecheck", f"{FULL}\n[tool.pyright]\n", {}),
        ("docs", FULL, {"mkdocs.yml": "site_name: x\ntheme: {name: material}\n",
                        "docs/index.md": "# Small\n"}),
        ("docs", FULL, {"docs/conf.py": "project = 'x'\nextensions = ['myst_parser']\n",
                        "docs/index.md": "# Small\n"}),
    ],
    ids=["extra", "fixture", "option", "own command", "stubs", "ty", "pyright", "theme",
         "extension"],
)  # fmt: skip
def test_what_is_missing_is_brought_by_what_the_remedy_says(
    tmp_path: Path, judge: Judge, gate: str, pyproject: str, files: dict[str, str | bytes | None]
) -> None:
    root = make_project(tmp_path / "p", {"pyproject.toml": pyproject.encode(), **files})
    found = judge(root, gate).outcome
    assert found.status is Status.UNCHECKED, found
    follow(root, str(found.findings[0].remedy))
    found = judge(root, gate).outcome
    assert found.status is Status.PASSED, found


@network
@pytest.mark.slow
def test_files_are_formatted_by_the_command_that_is_named(project: Path, judge: Judge) -> None:
    write(project, {"ruff.toml": "[format]\n", "more.py": "x = {'a':1}\n"})
    found = judge(project, "lint").outcome
    (remedy,) = {finding.remedy for finding in found.findings}
    run = (sys.executable, "-m", "uv", "tool", "run")
    subprocess.run([*run, *shlex.split(str(remedy))], cwd=project, check=True)
    assert judge(project, "lint").outcome.status is Status.PASSED
