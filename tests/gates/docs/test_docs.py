"""docs: a strict build by mkdocs or Sphinx, from a copy, with what the project declares for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.gates.docs import Source, _placed, applies, find_sources, is_strict, read_own, wanted
from release.model import Evidence, Finding, Status
from release.project import read_project
from release.project.declared import Requirements
from tests.support import PYPROJECT, Judge, commit, git, make_project, write

network = pytest.mark.network
MKDOCS: dict[str, str | bytes | None] = {
    "mkdocs.yml": "site_name: Small thing\n",
    "docs/index.md": "# Small thing\n\nIt is small. See [more](more.md).\n",
    "docs/more.md": "# More\n",
}
SPHINX: dict[str, str | bytes | None] = {
    "docs/conf.py": "project = 'Small thing'\nextensions = ['sphinx.ext.autodoc']\n",
    "docs/index.rst": """\
        Small thing
        ===========

        .. automodule:: small_thing
           :members:
        """,
}
SET = """
[dependency-groups]
docs = ["a"]
[tool.release.gates.docs]
extras = ["e"]
install = ["b"]
"""
Files = dict[str, str | bytes | None]


def lines(evidence: Evidence) -> list[tuple[str | None, int | None]]:
    return [(f.path, f.line) for f in evidence.outcome.findings]


def with_table(table: str) -> bytes:
    return f"{PYPROJECT}\n{table}\n".encode()


@pytest.fixture(autouse=True)
def promised(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project promises to build without a warning."""
    monkeypatch.setattr("release.gates.docs.is_strict", lambda project, source: True)


class TestPromise:
    @pytest.mark.parametrize(
        ("files", "strict"),
        [
            ({}, False),
            ({"mkdocs.yml": "site_name: x\nstrict: true\n"}, True),
            ({"mkdocs.yml": "site_name: x\nstrict: false\n"}, False),
            ({".readthedocs.yaml": "mkdocs: {fail_on_warning: true}\n"}, True),
            ({".readthedocs.yaml": "mkdocs: {fail_on_warning: false}\n"}, False),
            ({"Makefile": "docs:\n\tmkdocs build --strict\n"}, True),
            ({"Makefile": "docs:\n\tmkdocs build\n"}, False),
            ({"pyproject.toml": with_table("[tool.release.gates.docs]\ninstall = ['x']")}, True),
        ],
    )
    def test_warnings_block_where_the_projects_own_builds_fail_for_one(
        self, tmp_path: Path, files: Files, *, strict: bool
    ) -> None:
        project = read_project(make_project(tmp_path / "p", {**MKDOCS, **files}))
        assert is_strict(project, Source("mkdocs", "mkdocs.yml")) is strict

    @network
    def test_else_they_are_advice(
        self, project: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        write(project, {**MKDOCS, "docs/more.md": "# More\n\n[Nowhere](nowhere.md)\n"})
        found = judge(project, "docs").outcome
        assert (found.status, [f.path for f in found.advice]) == (
            Status.PASSED, ["docs/more.md"]
        )  # fmt: skip
        assert found.summary == "mkdocs: 2 pages, 1 warning (mkdocs.yml)"


class TestDetection:
    @pytest.mark.parametrize(
        ("files", "found"),
        [
            ({"mkdocs.yml": ""}, [("mkdocs", "mkdocs.yml")]),
            ({"mkdocs.yaml": ""}, [("mkdocs", "mkdocs.yaml")]),
            ({"docs/conf.py": ""}, [("sphinx", "docs/conf.py")]),
            ({"doc/source/conf.py": ""}, [("sphinx", "doc/source/conf.py")]),
            ({"mkdocs.yml": "", "doc/conf.py": ""},
             [("mkdocs", "mkdocs.yml"), ("sphinx", "doc/conf.py")]),
            ({"docs/conf.py": "", "manual/conf.py": "",
              ".readthedocs.yaml": "sphinx: {configuration: manual/conf.py}\n"},
             [("sphinx", "manual/conf.py")]),
            ({"docs/conf.py": "", ".readthedocs.yaml": "sphinx: {configuration: ../conf.py}\n"},
             [("sphinx", "docs/conf.py")]),
            ({"docs/conf.py": "", ".readthedocs.yaml": "a: [\n"}, [("sphinx", "docs/conf.py")]),
            ({"manual/conf.py": "", "mkdocs.yml": "",
              "pyproject.toml": with_table('[tool.release.gates.docs]\nfolder = "manual"')},
             [("sphinx", "manual/conf.py")]),
            ({"docs/index.md": ""}, []),
        ],
    )  # fmt: skip
    def test_the_documentation_is_found(
        self, tmp_path: Path, files: Files, found: list[tuple[str, str]]
    ) -> None:
        project = read_project(make_project(tmp_path / "p", files))
        assert find_sources(project) == [Source(*item) for item in found]

    def test_a_project_without_any_has_none_to_build(self, project: Path, judge: Judge) -> None:
        found = judge(project, "docs").outcome
        assert found.status is Status.NOT_APPLICABLE
        assert "no mkdocs.yml" in found.summary

    @pytest.mark.parametrize("setting", ['folder = "manual"', 'run = ["x"]'])
    def test_settings_make_it_apply(self, tmp_path: Path, setting: str) -> None:
        table = with_table(f"[tool.release.gates.docs]\n{setting}")
        root = make_project(tmp_path / "p", {"pyproject.toml": table})
        assert applies(read_project(root), None) is None

    def test_a_folder_that_holds_no_documentation_is_unchecked(
        self, project: Path, judge: Judge
    ) -> None:
        table = with_table('[tool.release.gates.docs]\nfolder = "manual"')
        write(project, {"pyproject.toml": table})
        found = judge(project, "docs").outcome
        assert found.status is Status.UNCHECKED
        assert "manual holds neither a mkdocs.yml nor a conf.py" in found.summary


class TestOwnCommand:
    def test_its_warnings_are_told_with_their_places(self, tmp_path: Path) -> None:
        write(tmp_path, {"docs/a.rst": "", "docs/b.md": ""})
        output = (
            "docs: commands[0]> sphinx-build -W docs out\n"
            "docs/a.rst:3: WARNING: Title underline too short. [docutils]\n"
            "WARNING -  Doc file 'b.md' contains a link 'c.md', but the target is not found\n"
            "WARNING: You are using pip version 9\n"
            "docs: exit 1 (0.50 seconds)\n"
        )
        found = read_own(output, frozenset(), tmp_path, ", ".join)
        assert [(one.path, one.line) for one in found.defects] == [
            ("docs/a.rst", 3), ("docs/b.md", None),
        ]  # fmt: skip
        assert not found.unchecked

    def test_an_inventory_that_is_not_reached_is_no_defect(self, tmp_path: Path) -> None:
        output = (
            "WARNING: failed to reach any of the inventories with the following issues:\n"
            "docs/a.rst:3: WARNING: py:class reference target not found: other.Thing\n"
        )
        found = read_own(output, frozenset({"small_thing"}), tmp_path, ", ".join)
        assert not found.defects
        assert "1 references may lead there" in found.unchecked[0].message

    def test_colours_hide_no_inventory_that_is_not_reached(self, tmp_path: Path) -> None:
        output = (  # as Sphinx prints it below a tox that colours
            "\x1b[91mWARNING: failed to reach any of the inventories\x1b[39;49;00m\n"
            "\x1b[91mdocs/a.rst:3: WARNING: py:class reference target not found: abc.ABC"
            " [ref.class]\x1b[39;49;00m\n"
            "\x1b[91mdocs/a.rst:5: WARNING: Title underline too short.\x1b[39;49;00m\n"
        )
        found = read_own(output, frozenset(), tmp_path, ", ".join)
        assert [str(one.message) for one in found.defects] == ["Title underline too short."]
        assert "1 references may lead there" in found.unchecked[0].message

    def test_a_module_that_is_missing_is_no_defect(self, tmp_path: Path) -> None:
        output = "WARNING: Could not import extension myst (exception: No module named 'myst')\n"
        found = read_own(output, frozenset(), tmp_path, ", ".join)
        assert not found.defects
        assert found.unchecked[0].remedy == "myst"


def test_a_warning_about_a_file_outside_of_the_project_has_no_place(tmp_path: Path) -> None:
    write(tmp_path, {"copy/docs/a.rst": "", "other.py": ""})
    source, copy, root = Source("sphinx", "docs/conf.py"), tmp_path / "copy", tmp_path / "root"
    for path, place in (("a.rst", ("docs/a.rst", 3)), (str(tmp_path / "other.py"), (None, None))):
        found = _placed(Finding("odd", path, 3), source, copy, root)
        assert (found.path, found.line) == place


HOSTED = ("setuptools",)  # as in the environments of Read the Docs


class TestRequirements:
    @pytest.mark.parametrize(
        ("table", "files", "expected"),
        [
            ('[dependency-groups]\ndocs = ["furo"]\ntest = ["pytest"]', {},
             Requirements(groups=("docs",))),
            ('[project.optional-dependencies]\ndoc = ["furo"]', {}, Requirements(extras=("doc",))),
            ("", {"docs/requirements.txt": "furo\n"},
             Requirements(files=("docs/requirements.txt",))),
            ('[dependency-groups]\ndev = ["x"]\nsite = ["sphinx>=8", "furo"]', {},
             Requirements(groups=("site",))),
            ('[dependency-groups]\ndev = ["x"]', {}, Requirements(groups=("dev",))),
            ('[project.optional-dependencies]\nrtd = ["furo"]\ndocs = ["x"]',
             {"d/r.txt": "furo\n", ".readthedocs.yaml": "python:\n  install:\n"
              "  - requirements: d/r.txt\n  - requirements: ../x.txt\n"
              "  - {method: pip, path: ., extra_requirements: [rtd]}\n"},
             Requirements(extras=("rtd",), files=("d/r.txt",), install=HOSTED)),
            ('[dependency-groups]\nd = ["furo"]',
             {".readthedocs.yaml": "build:\n  jobs:\n    install:\n    - uv sync --group d\n"},
             Requirements(groups=("d",), install=HOSTED)),
            ('[dependency-groups]\ndocs = ["furo"]\nrunner = ["tox"]',
             {".readthedocs.yaml": "build:\n  jobs:\n    build:\n      html:\n"
              "      - uv run --only-group runner tox run -e docs\n"},
             Requirements(groups=("docs",), install=HOSTED)),
            ('[dependency-groups]\nd = ["furo"]\ndev = ["x"]',
             {".readthedocs.yaml": "build:\n  commands:\n  - uv sync --only-group d\n"},
             Requirements(groups=("d",), install=HOSTED)),
            ('[dependency-groups]\nd = ["furo"]\n[project.optional-dependencies]\ne = []',
             {".readthedocs.yaml": "build:\n  2026-01-01: x\n  commands:\n  - |\n"
              "    pip install .[e]\n    tox -e docs --group runner\n"},
             Requirements(extras=("e",), install=HOSTED)),
            (SET, {}, Requirements(extras=("e",), install=("b",))),
            ("", {}, Requirements()),
        ],
        ids=["group", "extra", "file", "holding", "dev", "hosted", "hosted jobs", "runner",
             "only", "block", "set", "none"],
    )  # fmt: skip
    def test_what_the_project_declares_is_chosen(
        self, tmp_path: Path, table: str, files: Files, expected: Requirements
    ) -> None:
        root = make_project(tmp_path / "p", {"pyproject.toml": with_table(table), **files})
        assert wanted(read_project(root)) == expected


@network
class TestMkdocs:
    def test_a_clean_build_passes_and_nothing_is_written(self, project: Path, judge: Judge) -> None:
        write(project, MKDOCS)
        commit(project)
        found = judge(project, "docs").outcome
        assert found.status is Status.PASSED, found
        assert found.checked >= 2
        assert git(project, "status", "--porcelain", "--ignored") == "!! .release/"

    def test_a_link_that_leads_nowhere_fails_with_its_line(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {**MKDOCS, "docs/index.md": "# Small thing\n\nSee [it](gone.md).\n"})
        found = judge(project, "docs")
        assert found.outcome.status is Status.FAILED
        assert lines(found) == [("docs/index.md", 3)]
        assert "gone.md" in found.outcome.findings[0].message

    def test_a_configuration_that_is_no_yaml_fails(self, project: Path, judge: Judge) -> None:
        write(project, {**MKDOCS, "mkdocs.yml": "site_name: [\n"})
        found = judge(project, "docs")
        assert found.outcome.status is Status.FAILED
        assert found.outcome.findings[0].path == "mkdocs.yml"

    def test_a_theme_that_is_not_installed_is_unchecked(self, project: Path, judge: Judge) -> None:
        write(project, {**MKDOCS, "mkdocs.yml": "site_name: x\ntheme: nosuch\n"})
        found = judge(project, "docs").outcome
        assert found.status is Status.UNCHECKED
        assert "needs modules that are not installed: nosuch" in found.summary
        assert "[tool.release.gates.docs]" in (found.findings[0].remedy or "")

    def test_warnings_are_found_although_the_build_is_not_strict(
        self, project: Path, judge: Judge
    ) -> None:
        hook = "def on_config(config):\n    config['strict'] = False\n"
        configuration = "site_name: x\nhooks: [h.py]\n"
        write(project, {"mkdocs.yml": configuration, "h.py": hook, "docs/index.md": "# It\n"})
        assert judge(project, "docs").outcome.status is Status.PASSED
        write(project, {"docs/index.md": "# It\n\nSee [it](gone.md).\n"})
        found = judge(project, "docs")
        assert found.outcome.status is Status.FAILED
        assert lines(found) == [("docs/index.md", 3)]

    def test_documentation_without_a_page_is_no_pass(self, project: Path, judge: Judge) -> None:
        write(project, {"mkdocs.yml": "site_name: x\n", "docs/robots.txt": ""})
        found = judge(project, "docs").outcome
        assert found.status is Status.UNCHECKED, found
        assert found.summary == "mkdocs made no page of the documentation"

    def test_a_tool_that_breaks_is_unchecked(self, project: Path, judge: Judge) -> None:
        hook = "def on_config(config):\n    raise RuntimeError('out of order')\n"
        write(project, {**MKDOCS, "mkdocs.yml": "site_name: x\nhooks: [h.py]\n", "h.py": hook})
        found = judge(project, "docs").outcome
        assert found.status is Status.UNCHECKED
        assert "out of order" in found.summary


@network
class TestSphinx:
    def test_a_clean_build_passes_and_nothing_is_written(self, project: Path, judge: Judge) -> None:
        write(project, SPHINX)
        commit(project)
        found = judge(project, "docs").outcome
        assert found.status is Status.PASSED, found
        assert found.checked >= 1
        assert git(project, "status", "--porcelain", "--ignored") == "!! .release/"

    def test_each_warning_is_a_finding_with_its_line(self, project: Path, judge: Judge) -> None:
        text = "Small thing\n===========\n\n:doc:`nope` :ref:`gone`\n"
        write(project, {**SPHINX, "docs/index.rst": text, "docs/lost.rst": "Lost\n====\n"})
        found = judge(project, "docs")
        assert found.outcome.status is Status.FAILED
        assert sorted(lines(found), key=str) == [
            ("docs/index.rst", 4),
            ("docs/index.rst", 4),
            ("docs/lost.rst", None),
        ]

    def test_a_docstring_that_is_not_well_formed_is_found_in_the_tree(
        self, project: Path, judge: Judge
    ) -> None:
        code = 'def f() -> None:\n    """Do.\n\n    Deep:\n        - a\n      b\n    """\n'
        write(project, {**SPHINX, "src/small_thing/__init__.py": code})
        found = judge(project, "docs")
        assert found.outcome.status is Status.FAILED
        assert {path for path, _ in lines(found)} == {"src/small_thing/__init__.py"}

    @pytest.mark.slow
    def test_references_into_code_count_where_the_project_is_nitpicky(
        self, project: Path, judge: Judge
    ) -> None:
        code = (
            'from typing import TypeVar\n\nT = TypeVar("T")\n\n\n'
            'def f(x: T) -> T:\n    """Do."""\n    return x\n'
        )
        page = "Small thing\n===========\n\n.. autofunction:: small_thing.f\n"
        write(project, {**SPHINX, "docs/index.rst": page, "src/small_thing/__init__.py": code})
        assert judge(project, "docs").outcome.status is Status.PASSED
        write(project, {"docs/conf.py": "extensions = ['sphinx.ext.autodoc']\nnitpicky = True\n"})
        assert judge(project, "docs").outcome.status is Status.FAILED

    @pytest.mark.slow
    def test_warnings_are_found_although_a_conf_py_ends_the_build_well(
        self, project: Path, judge: Judge
    ) -> None:
        conf = "def setup(app):\n    app._fail_on_warnings = app.warningiserror = False\n"
        text = "Small thing\n===========\n\n:doc:`nope`\n"
        write(project, {"docs/conf.py": conf, "docs/index.rst": text})
        found = judge(project, "docs")
        assert found.outcome.status is Status.FAILED
        assert lines(found) == [("docs/index.rst", 4)]

    @pytest.mark.slow
    def test_a_page_that_is_included_from_elsewhere_is_named_as_it_lies(
        self, project: Path, judge: Judge
    ) -> None:
        page = "Small thing\n===========\n\n.. include:: ../src/more.rst\n"
        write(project, {**SPHINX, "docs/index.rst": page, "src/more.rst": "See :doc:`nope`.\n"})
        found = judge(project, "docs")
        assert lines(found) == [("src/more.rst", 1)]

    def test_a_configuration_that_fails_is_a_defect(self, project: Path, judge: Judge) -> None:
        write(project, {**SPHINX, "docs/conf.py": "project = undefined\n"})
        found = judge(project, "docs")
        assert found.outcome.status is Status.FAILED
        assert found.outcome.findings[0].path == "docs/conf.py"

    def test_an_extension_that_is_not_installed_is_unchecked(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {**SPHINX, "docs/conf.py": "extensions = ['surely_no_such_thing']\n"})
        found = judge(project, "docs").outcome
        assert found.status is Status.UNCHECKED
        assert "surely_no_such_thing" in found.summary

    @pytest.mark.slow
    def test_an_inventory_that_cannot_be_reached_is_unchecked_and_hides_no_warning(
        self, project: Path, judge: Judge
    ) -> None:
        conf = (
            "extensions = ['sphinx.ext.intersphinx']\n"
            "intersphinx_mapping = {'other': ('http://127.0.0.1:9/', None)}\nnitpicky = True\n"
        )
        text = "Small thing\n===========\n\n:py:class:`other.Thing`\n"
        write(project, {"docs/conf.py": conf, "docs/index.rst": text})
        found = judge(project, "docs").outcome
        assert found.status is Status.UNCHECKED
        assert found.summary == (
            "sphinx needs what is not here: the network (127.0.0.1); 1 references may lead there"
        )
        write(project, {"docs/index.rst": f"{text}\n:py:class:`small_thing.Gone`\n"})
        failed = judge(project, "docs")
        assert failed.outcome.status is Status.FAILED
        assert lines(failed) == [("docs/index.rst", 6), (None, None)]

    def test_an_extension_that_crashes_is_unchecked(self, project: Path, judge: Judge) -> None:
        conf = (
            "def stop(app):\n    raise RuntimeError('out of order')\n"
            "def setup(app):\n    app.connect('builder-inited', stop)\n"
        )
        write(project, {**SPHINX, "docs/conf.py": conf})
        found = judge(project, "docs").outcome
        assert found.status is Status.UNCHECKED
        assert "out of order" in found.summary


@network
def test_own_commands_replace_it(project: Path, judge: Judge) -> None:
    for code, status in ((0, Status.PASSED), (3, Status.FAILED)):
        run = f"run = [['python', '-c', 'import small_thing; raise SystemExit({code})']]"
        write(project, {"pyproject.toml": with_table(f"[tool.release.gates.docs]\n{run}")})
        assert judge(project, "docs").outcome.status is status
