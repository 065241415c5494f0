"""What a project declares about its own checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from release.project import Project, read_project
from release.project.declared import (
    Hook,
    Requirements,
    absent_imports,
    chosen_requirements,
    hook,
    install_remedy,
    locked,
    own_version,
    pinned,
    procedure_text,
    ranges,
    requirements,
    test_folders,
)
from tests.support import write

test_folders.__test__ = False  # type: ignore[attr-defined]
POETRY = (
    '[tool.poetry.group.test.dependencies]\npytest = "^8.1"\npython = "^3.9"\n'
    'mock = {version = "~1.2", extras = ["x"]}\nlocal = {path = "../x"}'
)
BASE = '[project]\nname = "small-thing"\nversion = "1"\n'


def project(root: Path, pyproject: str = "", files: Mapping[str, str] | None = None) -> Project:
    package = {"src/small_thing/__init__.py": ""}
    write(root, {**package, "pyproject.toml": (BASE + pyproject).encode(), **(files or {})})
    return read_project(root)


class TestRequirements:
    @pytest.mark.parametrize(
        ("pyproject", "wanted"),
        [
            ('[dependency-groups]\ntests = ["pytest"]\ndev = ["ruff"]',
             Requirements(groups=("tests",))),
            ('[dependency-groups]\ndev = ["pytest"]', Requirements(groups=("dev",))),
            ('[project.optional-dependencies]\ntest = ["pytest"]\ncli = ["click"]',
             Requirements(extras=("test",))),
            ('[project.optional-dependencies]\nall = ["pytest", "ruff"]\ncli = ["click"]',
             Requirements(extras=("all",))),
            ('[dependency-groups]\nbig = ["pytest", "a", "b"]\nlean = ["pytest >= 8"]',
             Requirements(groups=("lean",))),
            ('[tool.hatch.envs.test]\ndependencies = ["pytest", "cov{x}"]\nfeatures = ["cli"]',
             Requirements(install=("pytest",), extras=("cli",))),
            ('[tool.hatch.envs.hatch-test]\nextra-dependencies = ["trio"]',
             Requirements(install=("trio",))),
            ('[tool.pdm.dev-dependencies]\ntest = ["pytest", "-e file:///x"]',
             Requirements(install=("pytest",))),
            ('[tool.uv]\ndev-dependencies = ["pytest"]', Requirements(install=("pytest",))),
            (POETRY,
             Requirements(install=("pytest>=8.1,<9", "mock[x]>=1.2,<1.3"))),
            ('[project.optional-dependencies]\ncli = ["click"]', Requirements()),
        ],
    )  # fmt: skip
    def test_they_are_found_by_name_then_by_the_tool(
        self, tmp_path: Path, pyproject: str, wanted: Requirements
    ) -> None:
        assert requirements(project(tmp_path, pyproject), "test") == wanted

    def test_requirement_files_count(self, tmp_path: Path) -> None:
        found = project(tmp_path, files={"requirements/tests.txt": "pytest\n"})
        assert requirements(found, "test") == Requirements(files=("requirements/tests.txt",))

    def test_tox_is_read_but_for_what_it_computes(self, tmp_path: Path) -> None:
        ini = (
            "[testenv]\n"
            "deps =\n"
            "    pytest>=8  # the runner\n"
            "    pytest6: pytest==6.2.5\n"
            "    test: hypothesis\n"
            "    -r{toxinidir}/more.txt\n"
            "    -r gone.txt\n"
            "    {env:EXTRA:}\n"
            "extras = cli\n"
        )
        found = project(tmp_path, files={"tox.ini": ini, "more.txt": "trio\n"})
        assert requirements(found, "test") == Requirements(
            extras=("cli",), files=("more.txt",), install=("pytest>=8", "hypothesis")
        )

    def test_types_are_looked_for_under_their_own_names(self, tmp_path: Path) -> None:
        text = '[dependency-groups]\ntyping = ["mypy"]\ntest = ["pytest"]'
        assert requirements(project(tmp_path, text), "typecheck").groups == ("typing",)

    def test_settings_stand_in_for_their_own_kind(self, tmp_path: Path) -> None:
        from release.settings import CommandSettings

        text = (
            '[dependency-groups]\ntest = ["pytest"]\n'
            '[tool.release.gates.test]\nextras = ["cli"]\ninstall = ["trio"]\n'
            '[tool.hatch.envs.test]\ndependencies = ["cov"]'
        )
        found = project(tmp_path, text)
        chosen = chosen_requirements(
            found, found.settings.gates.of("test", CommandSettings), "test"
        )
        assert chosen == Requirements(groups=("test",), extras=("cli",), install=("trio",))

    def test_environments_of_hatch_count_beside_a_file_that_has_none(self, tmp_path: Path) -> None:
        table = '[tool.hatch.envs.test]\ndependencies = ["pytest"]'
        found = project(tmp_path, table, {"hatch.toml": "[version]\npath = 'a.py'\n"})
        assert requirements(found, "test") == Requirements(install=("pytest",))

    def test_malformed_neighbours_are_passed_over(self, tmp_path: Path) -> None:
        found = project(
            tmp_path,
            "[dependency-groups]\ntest = 7\n[tool.poetry]\ngroup = 3",
            {"hatch.toml": "[", "tox.ini": "deps", "setup.cfg": "[a]\n"},
        )
        assert requirements(found, "test") == Requirements(groups=("test",))


class TestVersions:
    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("ruff==0.9.1", "0.9.1"),
            ("my-ruff==1.0", None),
            ("ruff==0.9.1\nruff==0.9.2", None),
            ("- repo: https://x/ruff-pre-commit\n  rev: v0.9.1\n", "0.9.1"),
            ("- repo: https://x/ruff-pre-commit.git\n  rev: 'v0.9.1'\n", "0.9.1"),
            (f"- repo: https://x/ruff-pre-commit\n  rev: {'a1' * 20} # frozen: v0.9.1\n", "0.9.1"),
            (f"- repo: https://x/ruff-pre-commit\n  rev: {'a1' * 20}\n", None),
            ("- repo: https://x/mirrors-ruff\n  rev: v0.9.1\n", "0.9.1"),
            ("ruff>=0.9", None),
        ],
    )
    def test_an_exact_version_is_read_from_procedures(self, text: str, wanted: str | None) -> None:
        assert pinned(text, "ruff") == wanted

    @pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"])
    def test_a_lock_file_names_a_version(self, tmp_path: Path, name: str) -> None:
        text = 'version = 1\n\n[[package]]\nname = "ruff"\nversion = "0.9.1"\n'
        found = project(tmp_path, files={name: text})
        assert locked(found, "ruff") == "0.9.1"
        assert locked(found, "mypy") is None

    def test_ranges_lose_markers_and_extras(self, tmp_path: Path) -> None:
        text = (
            "[dependency-groups]\nlint = ["
            '"ruff >= 0.9, < 0.10; python_version > \'3\'", "ruff[x]~=0.9.1", "ruff"]'
        )
        assert ranges(project(tmp_path, text), "ruff") == (">=0.9,<0.10", "~=0.9.1")

    @pytest.mark.parametrize(
        ("text", "group", "wanted"),
        [
            ("ruff==0.17.5", "ruff", None),
            ("ruff==0.9.1", "ruff", "ruff==0.9.1"),
            ("", "ruff>=0.9", None),
            ("", "ruff<0.10", "ruff<0.10"),
            ("", "black", None),
        ],
    )
    def test_ours_serves_unless_the_project_wants_another(
        self, tmp_path: Path, text: str, group: str, wanted: str | None
    ) -> None:
        found = project(tmp_path, f'[dependency-groups]\nlint = ["{group}"]')
        assert own_version(found, text, "ruff", "0.17.5") == wanted

    def test_procedures_are_read_from_files_and_folders(self, tmp_path: Path) -> None:
        files = {".github/workflows/ci.yml": "run: ruff format", "Makefile": "lint:\n\tflake8\n"}
        text = procedure_text(project(tmp_path, files=files))
        assert "ruff format" in text
        assert "flake8" in text

    def test_a_procedure_outside_of_the_repository_is_not_read(self, tmp_path: Path) -> None:
        write(tmp_path, {"outside/ci.yml": "ruff==0.9.1", "Makefile": "ruff==0.9.2"})
        found = project(tmp_path / "small-thing", files={"tox.ini": "ruff==0.9.3"})
        (found.root / "Makefile").symlink_to(tmp_path / "Makefile")
        (found.root / "justfile").symlink_to("justfile")
        (found.root / ".github").mkdir()
        (found.root / ".github/workflows").symlink_to(tmp_path / "outside")
        assert pinned(procedure_text(found), "ruff") == "0.9.3"


class TestHook:
    def test_its_dependencies_and_arguments_are_read(self, tmp_path: Path) -> None:
        text = (
            "repos:\n- repo: https://x/mirrors-mypy\n  rev: v2\n  hooks:\n"
            "  - id: mypy\n    args: [--strict]\n    additional_dependencies: [trio, ./local]\n"
        )
        found = project(tmp_path, files={".pre-commit-config.yaml": text})
        assert hook(found, "mypy") == Hook(("trio",), ("--strict",))
        assert hook(found, "ruff") is None

    @pytest.mark.parametrize(
        ("more", "arguments"),
        [("", ()), (" --strict", ("--strict",)), ("\n    args: [--strict]", ("--strict",))],
    )
    def test_a_local_hook_has_the_arguments_that_it_says(
        self, tmp_path: Path, more: str, arguments: tuple[str, ...]
    ) -> None:
        text = f"repos:\n- repo: local\n  hooks:\n  - id: mypy\n    entry: uv run mypy{more}\n"
        found = project(tmp_path, files={".pre-commit-config.yaml": text})
        assert hook(found, "mypy") == Hook((), arguments)

    @pytest.mark.parametrize(
        "text",
        [
            *("repos: [", "7", "repos: [1]", "repos: [{hooks: 3}]", ""),
            *("day: 2026-99-99", "repos: " + "[" * 5000),
        ],
        ids=range(7),
    )
    def test_a_file_that_makes_no_sense_has_no_hooks(self, tmp_path: Path, text: str) -> None:
        assert hook(project(tmp_path, files={".pre-commit-config.yaml": text}), "mypy") is None


class TestFolders:
    @pytest.mark.parametrize(
        ("files", "wanted"),
        [
            (["tests/test_a.py"], ("tests",)),
            (["test/a_test.py"], ("test",)),
            (["testing/test_a.py", "tests_more/test_b.py"], ("testing", "tests_more")),
            (["src/small_thing/tests/test_a.py"], ("src/small_thing/tests",)),
            (["test_small.py"], ("test_small.py",)),
            (["tests/data.py"], ()),
            (["testament/test_a.py"], ()),
            ([], ()),
        ],
    )
    def test_tests_are_where_test_files_are(
        self, tmp_path: Path, files: list[str], wanted: tuple[str, ...]
    ) -> None:
        assert test_folders(project(tmp_path, files=dict.fromkeys(files, ""))) == wanted


class TestAbsent:
    def absent(self, root: Path, files: Mapping[str, str]) -> dict[str, set[str]]:
        site = root / "site-packages"
        write(site, {"there/__init__.py": "", "module.py": "", "c_ext.cpython-311.so": ""})
        inside = {f"src/small_thing/{name}": text for name, text in files.items()}
        return absent_imports(project(root / "p", files=inside), [site])

    def test_what_is_installed_own_or_standard_is_there(self, tmp_path: Path) -> None:
        text = "import os, there.deep, module, c_ext, small_thing.b\nfrom . import b\n"
        assert self.absent(tmp_path, {"a.py": text, "b.py": ""}) == {}

    def test_a_missing_module_spreads_along_own_imports(self, tmp_path: Path) -> None:
        files = {
            "a.py": "try:\n    import gone.deep\nexcept ImportError:\n    gone = None\n",
            "b.py": "from .a import gone\n",
            "c.py": "import small_thing.b\n",
            "d.py": "import os\n",
            "sub/__init__.py": "from ..c import x\n",
        }
        prefix = "src/small_thing"
        assert self.absent(tmp_path, files) == {
            f"{prefix}/{name}": {"gone"} for name in ("a.py", "b.py", "c.py", "sub/__init__.py")
        }

    def test_other_pythons_and_platforms_do_not_count(self, tmp_path: Path) -> None:
        text = "import sys\nif sys.version_info < (3, 11):\n    import tomli\n"
        assert self.absent(tmp_path, {"a.py": text}) == {}

    def test_a_remedy_adds_what_brings_it_to_what_is_there(self, tmp_path: Path) -> None:
        text = (
            "[project.optional-dependencies]\ncli = [\"Click>=8; python_version > '3'\"]\n"
            '[tool.release.gates.test]\ninstall = ["six"]\n'
        )
        found = project(tmp_path, text)
        assert install_remedy(found, "test", ["click.core", "yaml"]) == (
            'set install = ["six", "Click>=8", "PyYAML"] in [tool.release.gates.test]'
        )
        assert install_remedy(found, "docs", ["no_thing"]) == (
            'set install = ["no-thing"] in [tool.release.gates.docs]'
            " (or what brings no_thing by another name)"
        )
