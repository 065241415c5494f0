"""Reading a repository: what is detected, and what is said of one that cannot be read."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from release.errors import CannotCheck, ConfigurationError
from release.model import Finding, Level
from release.project import Project, read_project, read_text
from tests.support import commit, git, make_project, write


def project_of(root: Path, files: Mapping[str, str | bytes | None]) -> Project:
    write(root, files)
    return read_project(root)


def problem_of(root: Path) -> Finding:
    with pytest.raises(ConfigurationError) as caught:
        read_project(root)
    (problem,) = caught.value.problems
    return problem


def with_backend(backend: str, rest: str, name: str = "small-thing") -> str:
    return (
        f'[build-system]\nrequires = ["{backend.partition(".")[0]}"]\nbuild-backend = "{backend}"\n'
        f'[project]\nname = "{name}"\n{rest}\n'
    )


VERSION = 'version = "1.0"'
ATTRIBUTE = (
    'dynamic = ["version"]\n[tool.setuptools.dynamic]\nversion = {attr = "small_thing.__version__"}'
)


class TestBadInput:
    def test_no_folder(self, tmp_path: Path) -> None:
        assert problem_of(tmp_path / "gone").message == "is not a folder"

    def test_no_pyproject(self, tmp_path: Path) -> None:
        found = problem_of(tmp_path)
        assert found.message == f"no pyproject.toml in {tmp_path}"
        assert "--project" in str(found.remedy)

    def test_malformed_toml_is_located(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": '[project]\nname = "x"\nversion = \n'})
        found = problem_of(tmp_path)
        assert (found.path, found.line) == ("pyproject.toml", 3)
        assert "is not valid TOML" in found.message

    @pytest.mark.parametrize(
        "data", [b'[project]\nname = "\xff"\n', '[project]\nname = "x"'.encode("utf-16")]
    )
    def test_another_encoding_is_named(self, tmp_path: Path, data: bytes) -> None:
        write(tmp_path, {"pyproject.toml": data})
        found = problem_of(tmp_path)
        assert found.path == "pyproject.toml"
        assert found.message == "is not UTF-8"
        assert found.line is not None

    def test_no_project_table(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": "[tool.black]\nline-length = 100\n"})
        found = problem_of(tmp_path)
        assert "has no [project] table with a name" in found.message
        assert "add [project]" in str(found.remedy)

    @pytest.mark.parametrize("name", ["a b", "-x", "ä", "x\\ny", "../x", "$(id)"])
    def test_a_name_that_is_no_name(self, tmp_path: Path, name: str) -> None:
        write(tmp_path, {"pyproject.toml": f'[project]\nname = "{name}"\nversion = "1"\n'})
        assert "is not a valid project name" in problem_of(tmp_path).message

    def test_a_setup_cfg_that_is_none(self, tmp_path: Path) -> None:
        write(tmp_path, {"setup.cfg": "name = x\n"})
        assert problem_of(tmp_path).path == "setup.cfg"

    def test_wrong_settings_are_all_reported(self, tmp_path: Path) -> None:
        text = '[project]\nname = "x"\n[tool.release]\nbranhc = "main"\ntag = "v"\n'
        write(tmp_path, {"pyproject.toml": text})
        with pytest.raises(ConfigurationError) as caught:
            read_project(tmp_path)
        assert len(caught.value.problems) == 2

    def test_a_package_that_is_not_there(self, tmp_path: Path) -> None:
        text = '[project]\nname = "x"\n[tool.release]\npackage = "why"\n'
        write(tmp_path, {"pyproject.toml": text, "src/ex/__init__.py": ""})
        found = problem_of(tmp_path)
        assert "names 'why'" in found.message
        assert found.remedy == "found: ex"

    def test_a_link_out_of_the_repository_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere.toml").write_text('[project]\nname = "x"\n')
        root = tmp_path / "root"
        root.mkdir()
        (root / "pyproject.toml").symlink_to(tmp_path / "elsewhere.toml")
        assert problem_of(root).message == "leads out of the repository"

    def test_a_circular_link_is_an_error_and_no_loop(self, tmp_path: Path) -> None:
        (tmp_path / "VERSION").symlink_to(tmp_path / "VERSION")
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read_text(tmp_path, "VERSION")

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "CITATION.cff")
        with pytest.raises(ConfigurationError, match="is not a file"):
            read_text(tmp_path, "CITATION.cff")

    def test_an_unknown_backend_is_read_like_any_other(self, tmp_path: Path) -> None:
        text = with_backend("acme.build", VERSION)
        found = project_of(tmp_path, {"pyproject.toml": text, "small_thing/__init__.py": ""})
        assert found.backend == "acme.build"
        assert found.package == "small_thing"

    def test_reading_writes_nothing(self, tmp_path: Path) -> None:
        root = make_project(tmp_path / "p")
        before = sorted(tmp_path.rglob("*"))
        read_project(root)
        assert sorted(tmp_path.rglob("*")) == before
        assert git(root, "status", "--porcelain") == ""

    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        place=st.sampled_from(
            [
                "project", "project.version", "project.name", "project.dynamic", "build-system",
                "project.optional-dependencies", "dependency-groups", "build-system.requires",
                "build-system.build-backend", "tool", "tool.poetry", "tool.poetry.packages",
                "tool.poetry.version", "tool.setuptools", "tool.setuptools.packages",
                "tool.setuptools.packages.find", "tool.setuptools.packages.find.where",
                "tool.setuptools.dynamic.version", "tool.setuptools.dynamic.version.attr",
                "tool.setuptools.package-dir", "tool.setuptools.py-modules", "tool.hatch",
                "tool.hatch.version.path", "tool.hatch.build.targets.wheel.packages",
                "tool.flit.module", "tool.flit.metadata", "tool.pdm.version", "tool.uv",
                "tool.uv.build-backend.module-name", "tool.uv.build-backend.module-root",
                "tool.maturin.python-source", "tool.bumpversion", "tool.bumpversion.files",
                "tool.bumpversion.current_version", "tool.bumpversion.tag_name",
                "tool.commitizen.tag_format", "project.requires-python",
            ]
        ),
        value=st.recursive(
            st.one_of(st.booleans(), st.integers(0, 9), st.text(max_size=8).filter(str.isprintable),
                      st.sampled_from(["/etc", "../..", "src", "*", ".", "a/b", "", "{version}"])),
            lambda inner: st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["from", "include", "name", "", "find"]), inner),
            max_leaves=4,
        ),
    )  # fmt: skip
    def test_nonsense_anywhere_is_a_clear_error_or_ignored(
        self, tmp_path: Path, place: str, value: Any
    ) -> None:
        data: dict[str, Any] = {"project": {"name": "x"}}
        table = data
        *folders, last = place.split(".")
        for key in folders:
            table = table.setdefault(key, {})
        table[last] = value
        write(tmp_path, {"pyproject.toml": toml(data).encode(), "src/x/__init__.py": ""})
        try:
            found = read_project(tmp_path)
        except ConfigurationError:
            return
        assert found.tag_template.count("{version}") == 1
        for path in (found.package_path, found.source_root):
            assert path is None or (tmp_path / path).resolve().is_relative_to(tmp_path)


def toml(value: Any) -> str:
    """A value as an inline TOML document."""

    def inline(item: Any) -> str:
        if isinstance(item, bool):
            return str(item).lower()
        if isinstance(item, dict):
            return "{" + ", ".join(f"{quote(k)} = {inline(v)}" for k, v in item.items()) + "}"
        if isinstance(item, list):
            return "[" + ", ".join(map(inline, item)) + "]"
        return quote(item) if isinstance(item, str) else str(item)

    return "".join(f"{quote(key)} = {inline(item)}\n" for key, item in value.items())


def quote(text: str) -> str:
    """A text as a basic TOML string."""
    return json.dumps(text, ensure_ascii=False)


class TestPackage:
    @pytest.mark.parametrize(
        ("files", "package", "path", "source_root"),
        [
            (["src/small_thing/__init__.py"], "small_thing", "src/small_thing", "src"),
            (["small_thing/__init__.py"], "small_thing", "small_thing", "."),
            (["small_thing.py"], "small_thing", "small_thing.py", "."),
            (["src/small_thing.py"], "small_thing", "src/small_thing.py", "src"),
            (["thing/__init__.py", "tests/__init__.py"], "thing", "thing", "."),
            (["Small_Thing/__init__.py", "other/__init__.py"], "Small_Thing", "Small_Thing", "."),
            (["src/small/thing/__init__.py"], "small.thing", "src/small/thing", "src"),
            (["small/thing/__init__.py"], "small.thing", "small/thing", "."),
            (["attr/__init__.py", "small_thing/__init__.py"], "small_thing", "small_thing", "."),
            (["thing/__init__.py", "tests_core/__init__.py", "docs/__init__.py",
              "build/lib/__init__.py"], "thing", "thing", "."),
        ],
    )  # fmt: skip
    def test_it_is_found_by_name_or_alone(
        self, tmp_path: Path, files: list[str], package: str, path: str, source_root: str
    ) -> None:
        text = with_backend("hatchling.build", VERSION)
        found = project_of(tmp_path, {"pyproject.toml": text, **dict.fromkeys(files, "")})
        assert (found.package, found.package_path) == (package, path)
        assert found.source_root == source_root

    @pytest.mark.parametrize(
        ("table", "path", "package", "source_root"),
        [
            ('[tool.setuptools.packages.find]\nwhere = ["lib"]', "lib/thing", "thing", "lib"),
            ('[tool.setuptools.package-dir]\n"" = "python"', "python/thing", "thing", "python"),
            ('[tool.setuptools]\npackages = ["thing"]', "thing", "thing", "."),
            ('[tool.hatch.build.targets.wheel]\npackages = ["lib/thing"]',
             "lib/thing", "thing", "lib"),
            ('[tool.poetry]\npackages = [{include = "thing", from = "lib"}]',
             "lib/thing", "thing", "lib"),
            ('[tool.uv.build-backend]\nmodule-name = "thing"\nmodule-root = ""',
             "thing", "thing", "."),
            ('[tool.flit.module]\nname = "thing"', "src/thing", "thing", "src"),
            ('[tool.maturin]\npython-source = "python"', "python/thing", "thing", "python"),
            ('[tool.pdm.build]\npackage-dir = "lib"', "lib/thing", "thing", "lib"),
        ],
    )  # fmt: skip
    def test_backends_say_where_it_is(
        self, tmp_path: Path, table: str, path: str, package: str, source_root: str
    ) -> None:
        text = with_backend("backend.api", f"{VERSION}\n{table}")
        files = {"pyproject.toml": text, f"{path}/__init__.py": "", "other/__init__.py": ""}
        if "setuptools.pack" in table or "maturin" in table or "pdm" in table:
            files.pop("other/__init__.py")
        found = project_of(tmp_path, files)
        assert (found.package, found.package_path) == (package, path)
        assert found.source_root == source_root

    def test_setup_cfg_says_where_it_is(self, tmp_path: Path) -> None:
        text = (
            "[metadata]\nname = small-thing\nversion = 1.0\n"
            "[options]\npackage_dir =\n    = lib\npython_requires = >=3.9\n"
        )
        found = project_of(tmp_path, {"setup.cfg": text, "lib/thing/__init__.py": ""})
        assert (found.package, found.source_root) == ("thing", "lib")
        assert found.requires_python == ">=3.9"
        assert (found.version, found.version_places[0].line) == ("1.0", 3)

    def test_two_packages_must_be_chosen_from(self, tmp_path: Path) -> None:
        text = with_backend("hatchling.build", VERSION)
        files = {"pyproject.toml": text, "one/__init__.py": "", "two/__init__.py": ""}
        found = project_of(tmp_path, files)
        with pytest.raises(CannotCheck) as caught:
            found.require_package()
        assert "several import packages: one, two" in caught.value.reason
        assert "[tool.release] package" in str(caught.value.remedy)
        chosen = project_of(tmp_path, {"pyproject.toml": text + '[tool.release]\npackage = "two"'})
        assert chosen.require_package() == "two"

    def test_no_package_at_all_is_said_when_one_is_needed(self, tmp_path: Path) -> None:
        found = project_of(tmp_path, {"pyproject.toml": with_backend("x.y", VERSION)})
        with pytest.raises(CannotCheck, match="no import package found"):
            found.require_package()


class TestVersion:
    @pytest.mark.parametrize(
        ("table", "files", "place", "line"),
        [
            (VERSION, {}, "pyproject.toml", 6),
            ('dynamic = ["version"]\n[tool.hatch.version]\npath = "src/small_thing/about.py"',
             {"src/small_thing/about.py": '"""A."""\n\n__version__ = "1.0"\n'},
             "src/small_thing/about.py", 3),
            (ATTRIBUTE,
             {"src/small_thing/__init__.py": '__version__: str = "1.0"\n'},
             "src/small_thing/__init__.py", 1),
            ('dynamic = ["version"]\n[tool.setuptools.dynamic]\nversion = {file = ["VERSION"]}',
             {"VERSION": "1.0\n"}, "VERSION", 1),
            ('dynamic = ["version"]\n[tool.pdm.version]\npath = "src/small_thing/v.py"',
             {"src/small_thing/v.py": 'VERSION = "1.0"\n'}, "src/small_thing/v.py", 1),
            ('dynamic = ["version"]',
             {"src/small_thing/__init__.py": "from ._v import __version__\n",
              "src/small_thing/_v.py": '__version__ = "1.0"\n'}, "src/small_thing/_v.py", 1),
            ('dynamic = ["version"]',
             {"src/small_thing/__init__.py": "from small_thing._v import VERSION as __version__\n",
              "src/small_thing/_v.py": '\nVERSION = "1.0"\n'}, "src/small_thing/_v.py", 2),
        ],
    )  # fmt: skip
    def test_it_is_found_where_it_is_defined(
        self, tmp_path: Path, table: str, files: dict[str, str], place: str, line: int
    ) -> None:
        text = with_backend("flit_core.buildapi", table)
        found = project_of(
            tmp_path, {"src/small_thing/__init__.py": "", "pyproject.toml": text, **files}
        )
        assert found.version == "1.0"
        assert (found.version_places[0].path, found.version_places[0].line) == (place, line)

    @pytest.mark.parametrize(
        "text",
        [
            with_backend("hatchling.build", 'dynamic = ["version"]').replace(
                '"hatchling"', '"hatchling", "hatch-vcs"'
            ),
            with_backend("setuptools.build_meta", 'dynamic = ["version"]').replace(
                '"setuptools"', '"setuptools", "setuptools_scm[toml] >= 8"'
            ),
            with_backend(
                "pdm.backend", 'dynamic = ["version"]\n[tool.pdm.version]\nsource = "scm"'
            ),
            with_backend("poetry_dynamic_versioning.backend", 'version = "0.0.0"').replace(
                '"poetry_dynamic_versioning"', '"poetry-dynamic-versioning"'
            ),
            with_backend("setuptools.build_meta", 'dynamic = ["version"]\n[tool.setuptools_scm]'),
        ],
    )
    def test_a_version_of_version_control_has_no_places(self, tmp_path: Path, text: str) -> None:
        files = {"pyproject.toml": text, "src/small_thing/_version.py": '__version__ = "9"\n'}
        found = project_of(tmp_path, files)
        assert (found.version, found.version_source) == (None, "version control")
        assert found.version_places == ()

    def test_a_version_that_only_the_backend_knows(self, tmp_path: Path) -> None:
        text = with_backend("acme.build", 'dynamic = ["version"]')
        found = project_of(tmp_path, {"pyproject.toml": text, "small_thing/__init__.py": ""})
        assert found.version is None
        assert found.version_source == "the build backend (acme.build)"

    @pytest.mark.parametrize(
        "setup",
        [
            "NAME = 'small-thing'\nsetup(name=NAME, python_requires='>=3.11')",
            "WANTED = '>=3.11'\nsetup(name=about['__title__'], python_requires=WANTED)",
            "import small\nsetup(name=small.__title__, python_requires='>=3.11')",
        ],
    )
    def test_a_name_that_setup_py_takes_from_elsewhere_is_found_there(
        self, tmp_path: Path, setup: str
    ) -> None:
        about = "__title__ = 'small-thing'\n"
        found = project_of(tmp_path, {"setup.py": setup, "small/__about__.py": about})
        assert (found.name, found.requires_python) == ("small-thing", ">=3.11")

    def test_a_name_that_several_modules_state_is_not_guessed(self, tmp_path: Path) -> None:
        files = {f"{name}/__init__.py": f"__title__ = '{name}'\n" for name in "ab"}
        with pytest.raises(ConfigurationError, match="names no project"):
            project_of(tmp_path, {"setup.py": "setup(name=x['__title__'])", **files})

    def test_setup_py_is_read_and_never_run(self, tmp_path: Path) -> None:
        text = (
            "import setuptools\nopen('ran', 'w')\n"
            "setuptools.setup(name='small-thing', version='1.0', python_requires='>=2.7')\n"
        )
        found = project_of(tmp_path, {"setup.py": text, "small_thing.py": ""})
        assert (found.name, found.version) == ("small-thing", "1.0")
        assert found.requires_python == ">=2.7"
        assert not (tmp_path / "ran").exists()

    def test_a_module_that_does_not_parse_is_no_place(self, tmp_path: Path) -> None:
        text = with_backend("hatchling.build", VERSION)
        files = {"pyproject.toml": text, "small_thing/__init__.py": '__version__ = "1'}
        assert len(project_of(tmp_path, files).version_places) == 1

    def test_modules_that_import_each_other_end(self, tmp_path: Path) -> None:
        text = with_backend("hatchling.build", 'dynamic = ["version"]')
        files = {
            "pyproject.toml": text,
            "small_thing/__init__.py": "from ._a import __version__\n",
            "small_thing/_a.py": "from ._b import __version__\n",
            "small_thing/_b.py": "from ._a import __version__\n",
        }
        assert project_of(tmp_path, files).version is None

    def test_a_byte_order_mark_does_no_harm(self, tmp_path: Path) -> None:
        text = ("\ufeff" + with_backend("hatchling.build", VERSION)).encode()
        assert project_of(tmp_path, {"pyproject.toml": text}).version == "1.0"


class TestTags:
    def test_a_set_template_comes_first(self, tmp_path: Path) -> None:
        root = make_project(tmp_path / "p")
        git(root, "tag", "1.0.0")
        source = (root / "pyproject.toml").read_text()
        write(root, {"pyproject.toml": source + '\n[tool.release]\ntag = "rel/{version}"\n'})
        assert read_project(root).tag == "rel/1.2.3"

    @pytest.mark.parametrize(
        "table",
        [
            '[tool.bumpversion]\ntag_name = "r{new_version}"',
            '[tool.commitizen]\ntag_format = "r$version"',
        ],
    )
    def test_then_what_other_tools_are_told(self, tmp_path: Path, table: str) -> None:
        root = make_project(tmp_path / "p")
        git(root, "tag", "1.0.0")
        source = (root / "pyproject.toml").read_text()
        write(root, {"pyproject.toml": f"{source}\n{table}\n"})
        assert read_project(root).tag == "r1.2.3"

    def test_then_the_tags_that_are_there(self, tmp_path: Path) -> None:
        root = make_project(tmp_path / "p")
        assert read_project(root).tag == "v1.2.3"
        git(root, "tag", "1.0.0")
        assert read_project(root).tag == "1.2.3"

    def test_the_target_is_the_next_version_with_a_level(self, tmp_path: Path) -> None:
        found = read_project(make_project(tmp_path / "p"))
        assert str(found.target_version(None)) == "1.2.3"
        assert str(found.target_version(Level.MAJOR)) == "2.0.0"

    def test_a_version_keeps_the_projects_own_spelling(self, tmp_path: Path) -> None:
        root = make_project(tmp_path / "p")
        source = (root / "pyproject.toml").read_text()
        write(root, {"pyproject.toml": source.replace('"1.2.3"', '"1.3.0-rc1"')})
        found = read_project(root)
        target = found.target_version(None)
        assert target is not None
        assert (str(target), found.spell(target), found.tag) == (
            "1.3.0rc1",
            "1.3.0-rc1",
            "v1.3.0-rc1",
        )


class TestGit:
    def test_a_project_below_the_top_level_is_read(self, tmp_path: Path) -> None:
        root = make_project(tmp_path / "mono" / "small")
        subprocess.run(["rm", "-rf", str(root / ".git")], check=True)
        git(tmp_path / "mono", "init", "--quiet", "--initial-branch=main")
        commit(tmp_path / "mono")
        write(root, {"README.md": "# Changed\n"})
        found = read_project(root).git
        assert found is not None
        assert (found.prefix, found.changed) == ("small/", ("README.md",))

    def test_a_path_with_spaces_and_umlauts_is_read(self, tmp_path: Path) -> None:
        root = make_project(tmp_path / "mein Projekt ü")
        assert read_project(root).package == "small_thing"

    def test_outside_of_git_there_are_no_facts(self, tmp_path: Path) -> None:
        files = {"pyproject.toml": with_backend("x.y", VERSION)}
        assert project_of(tmp_path, files).git is None


def test_a_citation_that_is_nested_without_end_is_a_warning(tmp_path: Path) -> None:
    root = make_project(tmp_path / "thing", {"CITATION.cff": "x: " + "[" * 100_000})
    (warning,) = read_project(root).warnings
    assert warning.path == "CITATION.cff"
    assert warning.message == "is nested too deeply"
