"""Versions and the places that state them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from packaging.version import Version

from release.change.plan import Wish, plan_bump
from release.change.sources import read_sources
from release.errors import ConfigurationError
from release.gates.documents import judge_stated
from release.gates.documents.citation import stale, with_release
from release.gates.versions import judge_bumpversion, judge_owner, judge_places, unread_tags
from release.model import Plan
from release.project import Project, read_project
from release.project.version_source import judge_source
from release.report.plan import render
from release.text.versions import spelled_like
from release.world.index import ServedFile
from tests.editor import edit
from tests.support import FILES, PYPROJECT, git, make_project

DYNAMIC = PYPROJECT.replace('version = "1.2.3"', 'dynamic = ["version"]')
LOG = """\
    # Changelog

    ## [Unreleased]

    - A new option for the reader.

    ## [1.2.3] - 2026-01-10

    - First release.
    """
PLAIN = '"""A small thing."""\n'
Files = Mapping[str, str | None]


def plan_of(project: Project, version: str) -> Plan:
    tag = max(project.released, key=lambda name: project.released[name], default=None)
    wish = Wish(Version(version), date(2026, 2, 3), "main", "main", tag, typed=version)
    return plan_bump(project, read_sources(project), wish, edit)


def project_of(root: Path, files: Files, tag: str = "v1.2.3") -> Project:
    make_project(root, files)
    git(root, "tag", tag)
    return read_project(root)


SOURCES = {
    "maturin reads Cargo.toml": (
        "Cargo.toml",
        {
            "pyproject.toml": DYNAMIC.replace('"hatchling"', '"maturin>=1.7,<2"').replace(
                "hatchling.build", "maturin"
            ),
            "Cargo.toml": '[package]\nname = "small-thing"\nversion = "1.2.3"\n',
        },
    ),
    "hatch reads a pattern of its own": (
        "tool.hatch.version",
        {
            "pyproject.toml": DYNAMIC + '[tool.hatch.version]\npath = "src/small_thing/_built.py"\n'
            "pattern = \"BUILT = '(?P<version>[^']+)'\"\n",
            "src/small_thing/_built.py": "BUILT = '1.2.3'\n",
        },
    ),
    "hatch calls code": (
        "tool.hatch.version",
        {"pyproject.toml": DYNAMIC + '[tool.hatch.version]\nsource = "code"\npath = "code.py"\n'},
    ),
    "pdm calls a function": (
        "tool.pdm.version",
        {
            "pyproject.toml": DYNAMIC.replace('"hatchling"', '"pdm-backend"').replace(
                "hatchling.build", "pdm.backend"
            )
            + '[tool.pdm.version]\nsource = "call"\ngetter = "small_thing:number"\n'
        },
    ),
    "setuptools reads a tuple": (
        "attr = 'small_thing.VERSION'",
        {
            "pyproject.toml": DYNAMIC.replace('"hatchling"', '"setuptools>=77"').replace(
                "hatchling.build", "setuptools.build_meta"
            )
            + '[tool.setuptools.dynamic]\nversion = {attr = "small_thing.VERSION"}\n',
            "src/small_thing/__init__.py": "VERSION = (1, 2, 3)\n",
        },
    ),
    "setup.py reads version.txt": (
        "src/small_thing/version.txt, which setup.py reads",
        {
            "pyproject.toml": None,
            "setup.py": "import os\nfrom setuptools import setup\n"
            'version = open(os.path.join("src", "small_thing", "version.txt")).read().strip()\n'
            'setup(name="small-thing", version=version)\n',
            "src/small_thing/version.txt": "2.0.dev0\n",
        },
    ),
}


@pytest.mark.parametrize(("named", "files"), SOURCES.values(), ids=SOURCES)
def test_a_version_from_elsewhere_is_not_taken_for_that_of_the_tag(
    named: str, files: Files, tmp_path: Path
) -> None:
    files = {"src/small_thing/__init__.py": PLAIN, **files}
    project = project_of(tmp_path / "thing", files)
    problem = judge_source(project.version, project.version_source)
    assert problem is not None
    assert named in problem.message


EDITED = {
    "a constant of setup.py": (
        "setup.py",
        "VERSION = '1.3.0'",
        {
            "pyproject.toml": None,
            "setup.py": "from setuptools import setup\nVERSION = '1.2.3'\n"
            "setup(name='small-thing', version=VERSION)\n",
            "src/small_thing/__init__.py": PLAIN,
        },
    ),
    "a module that setup.py runs": (
        "src/small_thing/__about__.py",
        '__version__ = "1.3.0"',
        {
            "pyproject.toml": None,
            "setup.py": "from setuptools import setup\nabout = {}\n"
            "exec(open('src/small_thing/__about__.py').read(), about)\n"
            "setup(name='small-thing', version=about['__version__'])\n",
            "src/small_thing/__init__.py": PLAIN,
            "src/small_thing/__about__.py": '__version__ = "1.2.3"\n',
        },
    ),
    "the project's own entry of uv.lock": (
        "uv.lock",
        'name = "small-thing"\nversion = "1.3.0"',
        {
            "uv.lock": 'version = 1\n\n[[package]]\nname = "small-thing"\nversion = "1.2.3"\n'
            'source = { editable = "." }\n'
        },
    ),
    "package.json, which hatch reads": (
        "package.json",
        '{"a": {"version": "1.2.3"}, "b": "1.2.3", "version": "1.3.0"}',
        {
            "pyproject.toml": DYNAMIC + '[tool.hatch.version]\nsource = "nodejs"\n',
            "package.json": '{"a": {"version": "1.2.3"}, "b": "1.2.3", "version": "1.2.3"}\n',
            "src/small_thing/__init__.py": PLAIN,
        },
    ),
    "the one place that an older table has": (
        ".bumpversion.cfg",
        "current_version = 1.3.0",
        {
            "pyproject.toml": None,
            "setup.py": "from setuptools import setup\n"
            "setup(name='small-thing', version=open('V').read().split()[1])\n",
            "V": "it 1.2.3\n",
            ".bumpversion.cfg": "[bumpversion]\ncurrent_version = 1.2.3\n[bumpversion:file:V]\n",
            "src/small_thing/__init__.py": PLAIN,
        },
    ),
    "a tuple in the package": (
        "src/small_thing/__init__.py",
        "VERSION = (1, 3, 0)\n__version_info__ = (1, 3)\n",
        {"src/small_thing/__init__.py": "VERSION = (1, 2, 3)\n__version_info__ = (1, 2)\n"},
    ),
    "a tuple beside the text": (
        "src/small_thing/__init__.py",
        '__version__ = "1.3.0"\nversion_info = (1, 3, 0)\n',
        {"src/small_thing/__init__.py": '__version__ = "1.2.3"\nversion_info = (1, 2, 3)\n'},
    ),
    "a tuple in a module of its own": (
        "src/small_thing/version.py",
        "VERSION = (1, 3, 0, 0)\n",
        {"src/small_thing/version.py": "VERSION = (1, 2, 3, 0)\n"},
    ),
    "an entry with a serialize of its own": (
        "docs/conf.py",
        'version = "1.3"\n',
        {
            "docs/conf.py": 'version = "1.2"\n',
            "pyproject.toml": PYPROJECT + '[tool.bumpversion]\ncurrent_version = "1.2.3"\n'
            '[[tool.bumpversion.files]]\nfilename = "docs/conf.py"\n'
            'search = "version = \\"{current_version}\\""\n'
            'replace = "version = \\"{new_version}\\""\nserialize = ["{major}.{minor}"]\n',
        },
    ),
}


@pytest.mark.parametrize(("path", "wanted", "files"), EDITED.values(), ids=EDITED)
def test_a_bump_edits(path: str, wanted: str, files: Files, tmp_path: Path) -> None:
    project = project_of(tmp_path / "thing", files)
    assert not list(judge_places(project.version_places))
    edits = {edit.path: edit.after for edit in plan_of(project, "1.3.0").edits}
    assert wanted in edits[path]


def test_the_gate_reads_what_an_entry_s_serialize_writes() -> None:
    entry = {
        "filename": "docs/conf.py",
        "search": 'version = "{current_version}"',
        "serialize": ["{major}.{minor}"],
    }
    for text, defects in (('version = "1.3"\n', 0), ('version = "1.2"\n', 1)):
        found = judge_bumpversion({"files": [entry]}, {"docs/conf.py": text}, "1.3.0")
        assert len(list(found)) == defects


@pytest.mark.parametrize(
    "stated", ["VERSION = (1, 1, 0)", "__version_info__ = 1, 2", "VERSION=(1,)"]
)
def test_a_tuple_of_another_version_is_named(stated: str, tmp_path: Path) -> None:
    text = FILES["src/small_thing/__init__.py"].replace("1.2.3", "1.3.0")
    files = {
        "pyproject.toml": PYPROJECT.replace("1.2.3", "1.3.0"),
        "src/small_thing/__init__.py": f"{text}\n        {stated}\n",
    }
    found = list(judge_places(read_project(make_project(tmp_path / "thing", files)).version_places))
    one_number = stated.endswith("(1,)")  # which no version is told by
    assert len(found) == (0 if one_number else 1), found


@pytest.mark.parametrize(
    ("current", "version", "wanted"),
    [
        ("2026.02.09", "2026.03.01", "2026.03.01"),
        ("24.04", "24.10", "24.10"),
        ("24.04", "24.5", "24.05"),
        ("1.3.0-beta.2", "1.3.0-beta.3", "1.3.0-beta.3"),
        ("1.3.0-beta.2", "1.3.0", "1.3.0"),
        ("1.3.0.rc01", "1.3.0rc2", "1.3.0.rc02"),
        ("1.3.0-beta.2", "1.3.0rc1", "1.3.0rc1"),
        ("2026.2.9", "2026.03.01", "2026.3.1"),
        ("2026.02.dev1", "2026.2.0", "2026.02"),
        ("2026.02.dev1", "2026.2.0rc1", "2026.02rc1"),
        ("2026.02-beta.1", "2026.3.0b2", "2026.03-beta.2"),
        ("2026.02.01", "2026.3.0", "2026.03.00"),
    ],
)
def test_a_version_is_spelled_as_the_project_spells_it(
    current: str, version: str, wanted: str
) -> None:
    assert spelled_like(Version(version), current) == wanted


def test_another_spelling_than_the_typed_one_is_said(tmp_path: Path) -> None:
    project = project_of(tmp_path / "thing", {})
    notes = [note.message for note in plan_of(project, "1.3.0-beta.1").notes]
    assert "1.3.0-beta.1 is written 1.3.0b1, as PEP 440 and the files have it" in notes


@pytest.mark.parametrize(
    ("tags", "unread"),
    [
        (["v0.7.0-release", "v0.7.1-release"], True),
        (["final-1.2.3-py3"], True),
        (["rel_1_2_3", "stable_1.2.3_linux"], True),
        (["v1.2.2", "v0.7.0-release"], False),
        (["nightly"], False),
    ],
)
def test_tags_of_no_known_form_are_named(tags: list[str], unread: bool, tmp_path: Path) -> None:
    root = make_project(tmp_path / "thing")
    for tag in tags:
        git(root, "tag", tag)
    found = unread_tags(read_project(root))
    assert bool(found) is unread
    assert found is None or (tags[-1] in found.message and "tool.release.tag" in str(found.remedy))


def test_a_tag_setting_says_how_tags_with_a_suffix_are_read(tmp_path: Path) -> None:
    setting = '[tool.release]\ntag = "v{version}-release"\n'
    files = {"pyproject.toml": PYPROJECT + setting}
    project = project_of(tmp_path / "thing", files, "v1.2.3-release")
    assert unread_tags(project) is None
    assert project.released == {"v1.2.3-release": Version("1.2.3")}


CITATION = """\
    cff-version: 1.2.0
    message: Cite it.
    title: small-thing
    version: 1.2.3
    date-released: 2026-01-10
    authors:
      - name: The authors
    url: "https://example.org/thing/releases/tag/v1.2.3"
    repository-artifact: "https://example.org/thing-1.2.3.tar.gz"
    commit: 1ff847d81f29c45a3a1a5ce73d38e45c2f319bba
    identifiers:
      - type: url
        value: "https://example.org/thing/tree/v1.2.3"
      - type: url
        value: "https://example.org/thing/tree/v1.2.34"
    """


def test_a_citation_names_the_release_and_what_it_still_says_of_the_last_is_told(
    tmp_path: Path,
) -> None:
    prose = CITATION.rstrip() + '\n        description: "The release 1.2.3"\n'
    project = project_of(tmp_path / "thing", {"CITATION.cff": prose, "CHANGELOG.md": LOG})
    plan = plan_of(project, "1.3.0")
    (text,) = [edit.after for edit in plan.edits if edit.path == "CITATION.cff"]
    assert 'url: "https://example.org/thing/releases/tag/v1.3.0"\n' in text
    assert 'repository-artifact: "https://example.org/thing-1.3.0.tar.gz"\n' in text
    assert "/tree/v1.3.0" in text
    assert "/tree/v1.2.34" in text
    assert [note.message.partition(":")[0] for note in plan.notes] == [
        "commit is that of an earlier release",
        "identifiers.1.description still names 1.2.3",
    ]


ADDRESSES = {
    "plain": ("url: https://example.org/v1.2.3", "url: https://example.org/v1.3.0"),
    "in quotes": ("url: 'https://example.org/1.2.3/'", "url: 'https://example.org/1.3.0/'"),
    "of code": (
        "repository-code: https://a.example/1.2.3",
        "repository-code: https://a.example/1.3.0",
    ),
    "of another version": ("url: https://example.org/1.2.3.4", "url: https://example.org/1.2.3.4"),
    "of a candidate": ("url: https://example.org/1.2.3rc1", "url: https://example.org/1.2.3rc1"),
    "not an address": ("title: thing 1.2.3", "title: thing 1.2.3"),
}


@pytest.mark.parametrize(("line", "wanted"), ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_of_the_last_release_becomes_that_of_this_one(line: str, wanted: str) -> None:
    text = f"cff-version: 1.2.0\nversion: 1.2.3\n{line}\n"
    made = with_release(text, "CITATION.cff", "1.3.0", date(2026, 2, 3), "1.2.3")
    assert made == f"cff-version: 1.2.0\nversion: 1.3.0\n{wanted}\n"
    assert bool(list(stale(made, "CITATION.cff", "1.2.3"))) is (line.startswith("title"))


def test_the_gate_names_addresses_of_the_last_release(tmp_path: Path) -> None:
    citation = CITATION.replace("version: 1.2.3", "version: 1.3.0")
    files = {name: text.replace("1.2.3", "1.3.0") for name, text in FILES.items()}
    project = project_of(tmp_path / "thing", {**files, "CITATION.cff": citation})
    judged, texts = judge_stated(project, date(2026, 2, 3))
    assert "CITATION.cff" in texts
    assert [finding.line for finding in judged.advice] == [8, 9, 13]


def test_a_first_release_is_not_told_that_files_hold_its_version(tmp_path: Path) -> None:
    log = "# Changelog\n\n## Unreleased\n\n- A first thing.\n"
    plan = plan_of(project_of(tmp_path / "thing", {"CHANGELOG.md": log}), "1.2.3")
    assert [edit.path for edit in plan.edits] == ["CHANGELOG.md"]
    assert plan.notes == ()
    assert render(plan).startswith("small-thing 1.2.3\n")


TOWNCRIER = '[tool.towncrier]\ndirectory = "changelog.d"\nfilename = "CHANGELOG.md"\n'


def test_fragments_are_collected_where_tags_define_the_version(tmp_path: Path) -> None:
    requires = DYNAMIC.replace('"hatchling"', '"hatchling", "hatch-vcs"')
    files = {
        "pyproject.toml": f'{requires}[tool.hatch.version]\nsource = "vcs"\n{TOWNCRIER}',
        "src/small_thing/__init__.py": PLAIN,
        "CHANGELOG.md": "# Changelog\n\n<!-- towncrier release notes start -->\n\n## 1.2.3\n",
        "changelog.d/12.feature.md": "Add a reader option.\n",
    }
    plan = plan_of(project_of(tmp_path / "thing", files), "1.3.0")
    assert plan.commands[0] == (
        *("towncrier", "build", "--yes", "--version", "1.3.0", "--date", "2026-02-03"),
    )
    assert plan.writes == ("CHANGELOG.md", "changelog.d/**")
    assert plan.commit_message is not None


@pytest.mark.parametrize(
    ("current", "typed", "version", "said"),
    [
        ("0.2.0rc1", "patch", "0.2.0", True),
        ("0.2.0.dev0", "minor", "0.2.0", True),
        ("1.0.0b2", "major", "1.0.0", True),
        ("0.2.0rc1", "rc", "0.2.0rc2", False),
        ("0.2.0", "patch", "0.2.1", False),
    ],
)
def test_why_a_step_from_a_pre_release_makes_its_release_is_said(
    current: str, typed: str, version: str, said: bool, tmp_path: Path
) -> None:
    init = FILES["src/small_thing/__init__.py"].replace("1.2.3", current)
    files = {
        "pyproject.toml": PYPROJECT.replace("1.2.3", current),
        "src/small_thing/__init__.py": init,
    }
    project = read_project(make_project(tmp_path / "thing", files))
    wish = Wish(Version(version), date(2026, 2, 3), "main", "main", typed=typed)
    notes = [note.message for note in plan_bump(project, read_sources(project), wish, edit).notes]
    wanted = f"{current} is a pre-release of {version}, so {typed} leads to that release"
    assert (wanted in notes) is said


def served(version: str) -> ServedFile:
    return ServedFile(f"small_thing-{version}.tar.gz", version, "")


@pytest.mark.parametrize(
    ("tagged", "there", "strange"),
    [
        (["0.1.0", "0.2.0"], ["3.0", "3.1"], True),
        (["0.1.0"], ["0.1"], False),
        (["0.1.0", "0.2.0"], [], False),
        (["0.1.0", "0.2.0"], ["0.3.0"], False),
        ([], ["3.0"], True),
        ([], ["0.2.9"], False),
        ([], ["0.3.0", "3.0"], False),
    ],
)
def test_a_name_of_somebody_else_is_told(
    tagged: list[str], there: list[str], strange: bool
) -> None:
    released = set(map(Version, tagged))
    found = judge_owner("small-thing", [*map(served, there)], released, Version("0.3.0"))
    assert (found is not None) is strange


@pytest.mark.parametrize("gate", ["doctor", "lint", "test", "docs"])
def test_an_empty_list_of_commands_is_a_clear_error(gate: str, tmp_path: Path) -> None:
    files = {"pyproject.toml": f"{PYPROJECT}[tool.release.gates.{gate}]\nrun = []\n"}
    with pytest.raises(ConfigurationError, match=rf"gates\.{gate}\.run: must not be empty"):
        read_project(make_project(tmp_path / "thing", files))
