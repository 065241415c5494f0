"""The plan of a release: a pure function of the project, its texts, a version and a date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from packaging.version import Version

from release.change.plan import Sources, Wish, plan_bump, with_entry
from release.change.sources import read_sources, real_path, untranslated
from release.errors import ConfigurationError, ReleaseError, UsageError
from release.model import Plan
from release.project import Project, read_project
from release.project.fragments import Fragments, fragments
from tests.editor import edit
from tests.support import PYPROJECT, commit, git, make_project, with_remote, write

SETTINGS = "\n[tool.release]\npublish = false\n"
BUMPVERSION = """
[tool.bumpversion]
current_version = "1.2.3"
[[tool.bumpversion.files]]
filename = "src/small_thing/__init__.py"
"""
CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- `double` takes fractions.

## [1.2.3] - 2026-01-02

- The first one.
"""
CITATION = """\
cff-version: 1.2.0
message: Please cite it.
title: Small thing
authors:
  - name: A Maintainer
version: 1.2.3
date-released: 2026-01-02
"""
DAY = date(2026, 3, 4)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(
        tmp_path / "thing",
        {
            "pyproject.toml": PYPROJECT + SETTINGS + BUMPVERSION,
            "CHANGELOG.md": CHANGELOG,
            "CITATION.cff": CITATION,
        },
    )


def change(root: Path, files: Mapping[str, str | bytes | None]) -> None:
    write(root, files)
    commit(root)


def settle(root: Path, settings: str) -> None:
    change(root, {"pyproject.toml": PYPROJECT + SETTINGS + settings + BUMPVERSION})


def planned(root: Path, version: str = "1.3.0", **wish: object) -> Plan:
    project = read_project(root)
    asked = {
        "version": Version(version),
        "day": DAY,
        "branch": "main",
        "release_branch": "main",
        **wish,
    }
    return plan_bump(project, read_sources(project), Wish(**asked), edit)  # type: ignore[arg-type]


def edits(plan: Plan) -> dict[str, str]:
    return {edit.path: edit.after for edit in plan.edits}


def test_every_file_of_a_release_is_edited_with_one_version_and_one_date(root: Path) -> None:
    plan = planned(root)
    after = edits(plan)
    assert sorted(after) == [
        "CHANGELOG.md", "CITATION.cff", "pyproject.toml", "src/small_thing/__init__.py",
    ]  # fmt: skip
    assert after["CITATION.cff"] == CITATION.replace("version: 1.2.3", "version: 1.3.0").replace(
        "2026-01-02", "2026-03-04"
    )
    assert "## [1.3.0] - 2026-03-04\n" in after["CHANGELOG.md"]
    assert 'current_version = "1.3.0"' in after["pyproject.toml"]
    assert '__version__ = "1.3.0"' in after["src/small_thing/__init__.py"]
    assert (plan.previous, plan.version, plan.day) == ("1.2.3", "1.3.0", DAY)
    assert plan.base == git(root, "rev-parse", "HEAD")


UV_LOCK = """\
version = 1

[[package]]
name = "other"
version = "1.2.3"
source = { registry = "https://index.example.invalid/simple" }

[[package]]
name = "small-thing"
version = "1.2.3"
source = { editable = "." }
"""
CARGO = '[package]\nname = "thing-core"\nversion = "1.2.3"\n'
CARGO_LOCK = """\
version = 4

[[package]]
name = "other"
version = "1.2.3"
source = "registry+https://crates.example.invalid/"

[[package]]
name = "thing-core"
version = "1.2.3"
"""
NPM_LOCK = """\
{
  "name": "small-ui",
  "version": "1.2.3",
  "packages": {
    "": {
      "name": "small-ui",
      "version": "1.2.3"
    },
    "node_modules/other": {
      "version": "1.2.3"
    }
  }
}
"""
LISTED = """
[[tool.bumpversion.files]]
filename = "Cargo.toml"
[[tool.bumpversion.files]]
filename = "package.json"
"""


def test_the_project_s_own_entry_in_a_lock_follows_its_manifest(root: Path) -> None:
    change(
        root,
        {
            "uv.lock": UV_LOCK,
            "Cargo.toml": CARGO,
            "Cargo.lock": CARGO_LOCK,
            "package.json": '{"name": "small-ui", "version": "1.2.3"}\n',
            "package-lock.json": NPM_LOCK,
        },
    )
    after = edits(planned(root))
    own = 'name = "small-thing"\nversion = '
    assert after["uv.lock"] == UV_LOCK.replace(own + '"1.2.3"', own + '"1.3.0"')
    # Nothing says that these two have the project's version.
    assert not {"Cargo.lock", "package-lock.json"} & set(after)
    change(root, {"pyproject.toml": PYPROJECT + SETTINGS + BUMPVERSION + LISTED})
    after = edits(planned(root))
    own = 'name = "thing-core"\nversion = '
    assert after["Cargo.lock"] == CARGO_LOCK.replace(own + '"1.2.3"', own + '"1.3.0"')
    assert after["package-lock.json"] == NPM_LOCK.replace("1.2.3", "1.3.0", 2)


def test_a_lock_has_the_version_as_its_tool_spells_it(root: Path) -> None:
    change(root, {"uv.lock": UV_LOCK})
    assert (
        'name = "small-thing"\nversion = "1.3.0rc1"' in edits(planned(root, "1.3.0rc1"))["uv.lock"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "[[package]\n",
        UV_LOCK.replace("1.2.3", "1.2.2"),
        UV_LOCK.replace("editable", "registry"),
        UV_LOCK.replace('source = { editable = "." }', 'source = { editable = "../x" }'),
    ],
    ids=["malformed", "another version", "another source", "another folder"],
)
def test_a_lock_without_an_entry_of_the_project_s_own_stays(root: Path, text: str) -> None:
    change(root, {"uv.lock": text})
    assert "uv.lock" not in edits(planned(root))


SEMANTIC_RELEASE = """
[tool.semantic_release]
version_toml = ["pyproject.toml:project.version", "data/a.toml:tool.x"]
version_variables = ["src/small_thing/__init__.py:__version__", "docs/conf.py:release"]
"""
COMMITIZEN = """
[tool.commitizen]
version = "1.2.3"
version_files = ["src/small_thing/__init__.py", "docs/conf.py:^release", "data/a.toml:^x"]
"""
TBUMP = """
[tool.tbump]
version = { current = "1.2.3", regex = "1.2.3" }
[[tool.tbump.file]]
src = "docs/conf.py"
search = "release = '{current_version}'"
[[tool.tbump.file]]
src = "data/a.toml"
search = 'x = "{current_version}"'
[[tool.tbump.file]]
src = "gone.txt"
"""


@pytest.mark.parametrize("table", [SEMANTIC_RELEASE, COMMITIZEN, TBUMP])
@pytest.mark.parametrize("own", ["", BUMPVERSION], ids=["alone", "with bump-my-version's"])
def test_what_another_tool_s_table_lists_is_edited(root: Path, table: str, own: str) -> None:
    conf = "release = '1.2.3'\nneeds = '1.2.3'\nold_release = '1.2.3'\n"
    data = '[tool]\nx = "1.2.3"\ny = "1.2.3"\n'
    settled = PYPROJECT + SETTINGS + own + table
    change(root, {"pyproject.toml": settled, "docs/conf.py": conf, "data/a.toml": data})
    after = edits(planned(root))
    assert after["docs/conf.py"] == conf.replace("1.2.3", "1.3.0", 1)
    assert after["data/a.toml"] == data.replace("1.2.3", "1.3.0", 1)
    assert '__version__ = "1.3.0"' in after["src/small_thing/__init__.py"]
    expected = settled.replace('ent = "1.2.3"', 'ent = "1.3.0"')
    expected = expected.replace('version = "1.2.3"', 'version = "1.3.0"')
    assert after["pyproject.toml"] == expected


@pytest.mark.parametrize(
    "table",
    [
        '[tool.commitizen]\nversion = "0.1"\nversion_provider = "pep621"\n',
        "[tool.commitizen]\nversion = 1\n",
        "[tool.tbump]\nversion = 1\n",
    ],
)
def test_a_version_of_another_tool_s_table_that_it_does_not_read_stays(
    root: Path, table: str
) -> None:
    change(root, {"pyproject.toml": PYPROJECT + SETTINGS + table})
    assert table in edits(planned(root))["pyproject.toml"]


def test_a_version_of_another_tool_s_table_that_differs_is_an_error(root: Path) -> None:
    table = '[tool.commitizen]\nversion = "1.2.2"\n'
    change(root, {"pyproject.toml": PYPROJECT + SETTINGS + table})
    with pytest.raises(ConfigurationError, match=r"tool.commitizen.version is 1.2.2, not 1.2.3"):
        planned(root)


INI = """\
[bumpversion]
current_version = 1.2.3
[bumpversion:file:docs/conf.py]
search = release = '{current_version}'
replace = release = '{new_version}'
[bumpversion:file (short):data/a.toml]
serialize = {major}.{minor}
search = x = "{current_version}"
replace = x = "{new_version}"
[bumpversion:file:gone.txt]
[bumpversion:file:data/b.txt]
search = ^b+ {current_version}$
replace = b {new_version}
regex = True
[bumpversion:glob:data/*.md]
glob_exclude = data/d.md
[bumpversion:glob:gone/*.md]
"""
TOML = """\
[tool.bumpversion]
current_version = "1.2.3"
serialize = ["{major}.{minor}.{patch}-{pre}", "{major}.{minor}.{patch}"]
[[tool.bumpversion.files]]
filename = "docs/conf.py"
search = "release = '{current_version}'"
replace = "release = '{new_version}'"
[[tool.bumpversion.files]]
filename = "data/a.toml"
serialize = ["{major}.{minor}"]
search = 'x = "{current_version}"'
replace = 'x = "{new_version}"'
[[tool.bumpversion.files]]
filename = "gone.txt"
[[tool.bumpversion.files]]
filename = "data/b.txt"
search = '^b+ {current_version}$'
replace = "b {new_version}"
regex = true
[[tool.bumpversion.files]]
glob = "data/*.md"
"""
OLDER = [(".bumpversion.cfg", INI), ("setup.cfg", INI), (".bumpversion.toml", TOML)]


@pytest.mark.parametrize(("name", "table"), OLDER, ids=[name for name, _ in OLDER])
def test_what_an_older_table_lists_is_edited_and_the_table_with_it(
    root: Path, name: str, table: str
) -> None:
    conf, data = "release = '1.2.3'\nneeds = '1.2.3'\n", 'x = "1.2"\ny = "1.2"\n'
    files = {"docs/conf.py": conf, "data/a.toml": data, "data/b.txt": "bb 1.2.3\nb 1.2.3 c\n"}
    files["data/c.md"] = "1.2.3\n1.2.3\n"
    change(root, {name: table, **files})
    after = edits(planned(root))
    assert after["docs/conf.py"] == conf.replace("1.2.3", "1.3.0", 1)
    assert after["data/a.toml"] == data.replace("1.2", "1.3", 1)
    assert after["data/c.md"] == "1.3.0\n1.3.0\n"
    assert after["data/b.txt"] == "b 1.3.0\nb 1.2.3 c\n"
    assert after[name] == table.replace("1.2.3", "1.3.0")


BROKEN = """\
[bumpversion:file:README.md]
search = ({current_version}
replace = {new_version}
regex = True
"""
BROKEN_TOML = """\
[[tool.bumpversion.files]]
filename = "README.md"
search = "({current_version}"
replace = "{new_version}"
regex = true
"""


@pytest.mark.parametrize(
    ("name", "table", "said"),
    [
        (".bumpversion.cfg", INI.replace('x = "{current', "{$HOME} {current"), "{$HOME}"),
        ("setup.cfg", INI.replace("[bumpversion]\n", "[bumpversion]\nparse = (\n"), "parse"),
        (".bumpversion.toml", TOML.replace("regex = true", "regex = 1"), "regex must be"),
        (".bumpversion.toml", TOML.replace('glob = "data', 'globs = "data'), "neither filename"),
    ],
)
def test_an_entry_of_an_older_table_that_is_not_understood_is_an_error_of_its_file(
    root: Path, name: str, table: str, said: str
) -> None:
    change(root, {name: table, "data/a.toml": 'x = "1.2"\n'})
    with pytest.raises(ConfigurationError) as caught:
        planned(root)
    (found,) = caught.value.problems
    assert said in found.message
    assert found.path == name


@pytest.mark.parametrize(
    ("name", "table"),
    [(".bumpversion.cfg", BROKEN), ("setup.cfg", BROKEN), (".bumpversion.toml", BROKEN_TOML)],
)
def test_a_problem_of_an_older_table_names_its_file(root: Path, name: str, table: str) -> None:
    change(root, {name: table})
    with pytest.raises(ConfigurationError) as caught:
        planned(root)
    (found,) = caught.value.problems
    assert "unterminated subpattern" in found.message
    assert found.path == name


@pytest.mark.parametrize(
    "table",
    [
        '[tool.semantic_release]\nversion_variables = "x"\nversion_toml = [1, "a", "b.json:c"]\n',
        '[tool.commitizen]\nversion_files = ["../outside.txt", "/etc/x", "README.md:("]\n',
        '[tool.tbump]\nfile = ["x"]\n',
        '[[tool.tbump.file]]\nsrc = "README.md"\nsearch = "none"\n',
    ],
)
def test_what_another_tool_s_table_says_oddly_is_left_to_it(root: Path, table: str) -> None:
    usual = set(edits(planned(root)))
    change(root, {"pyproject.toml": PYPROJECT + SETTINGS + BUMPVERSION + table})
    assert set(edits(planned(root))) == usual


PUBLISH = """\
on: {push: {tags: ["v*"]}}
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: pypi
    permissions: {id-token: write}
    steps:
      - uses: actions/checkout@v5
      - run: |
          %s
      - run: python -m build
      - uses: pypa/gh-action-pypi-publish@release/v1
"""
EQUAL = 'test "$GITHUB_REF_NAME" = "v$said"'
COMPARED = {
    "ui/package.json": (
        f"said=$(jq -r .version ui/package.json); {EQUAL}",
        '{\n  "name": "ui",\n  "version": "1.2.3",\n  "{x}": "1.2.30"\n}\n',
    ),
    "rust/Cargo.toml": (
        """grep -qx "version = \\"${GITHUB_REF_NAME#v}\\"" ./rust/Cargo.toml""",
        '[package]\nname = "x"\nversion = "1.2.3"\n[dependencies]\ny = "1.2.3"\n',
    ),
    "VERSION": (f"said=$(cat VERSION); {EQUAL}", "1.2.3\n"),
    "ci/VERSION": ('test "$GITHUB_REF_NAME" = "v$(cat ci/VERSION)"', "1.2.3\r\n"),
    "a.json": ("""jq -r .v a.json | grep -qx "${GITHUB_REF_NAME#v}\"""", '{"v": "1.2.3"}\r\n'),
    "src/small_thing/meta.json": (
        """python -c "import json, os
          said = json.load(open('src/small_thing/meta.json'))['v']
          assert 'v' + said == os.environ['GITHUB_REF_NAME']\"""",
        '{"v": "1.2.3"}\n',
    ),
}


@pytest.mark.parametrize("path", COMPARED)
def test_what_the_publishing_workflow_compares_with_the_tag_is_edited(
    root: Path, path: str
) -> None:
    run, text = COMPARED[path]
    change(root, {".github/workflows/publish.yml": PUBLISH % run, path: text})
    plan = planned(root)
    assert edits(plan)[path] == text.replace("1.2.3", "1.3.0", 1)
    (told,) = [note for note in plan.notes if note.path == path]
    assert "edited as well: .github/workflows/publish.yml:9 compares it" in told.message


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("docs/conf.py", 'release = "1.2.3"\n', 'release = "1.3.0"\n'),
        (
            "docs/source/conf.py",
            "version = '1.2'  # short\nrelease = '1.2.3'  # full\nneeds = '1.2.3'\n",
            "version = '1.3'  # short\nrelease = '1.3.0'  # full\nneeds = '1.2.3'\n",
        ),
        ("conf.py", 'release = "1.2.3"\n', 'release = "1.3.0"\n'),
        ("docs/conf.py", 'release = "1.2.3"\n' * 2, 'release = "1.3.0"\n' * 2),
        ("doc/conf.py", 'version = release = u"1.2.3"\n', 'version = release = u"1.3.0"\n'),
        ("docs/conf.py", 'release = "1.2.3"\r\nx = 1\r\n', 'release = "1.3.0"\r\nx = 1\r\n'),
    ],
)
def test_what_sphinx_shows_is_edited(root: Path, path: str, before: str, after: str) -> None:
    change(root, {path: before})
    plan = planned(root)
    assert edits(plan)[path] == after
    (told, *_) = [note for note in plan.notes if note.path == path]
    assert told.message == "is edited as well: the documentation shows it"


OWN_ENTRY = """\
[[package]]
name = "small-thing"
version = "1.2.3"
source = { editable = "." }
"""


def test_a_lock_keeps_its_own_spelling_of_the_version(root: Path) -> None:
    module = (root / "src/small_thing/__init__.py").read_text(encoding="utf-8")
    files = {"src/small_thing/__init__.py": module.replace("1.2.3", "2026.02.09")}
    files["pyproject.toml"] = (PYPROJECT + SETTINGS).replace("1.2.3", "2026.02.09")
    files["CITATION.cff"] = CITATION.replace("1.2.3", "2026.02.09")
    change(root, {**files, "uv.lock": OWN_ENTRY.replace("1.2.3", "2026.2.9")})
    after = edits(planned(root, "2026.03.01"))
    assert after["uv.lock"] == OWN_ENTRY.replace("1.2.3", "2026.3.1")
    assert 'version = "2026.03.01"' in after["pyproject.toml"]


def test_the_lock_of_npm_has_what_its_manifest_has(root: Path) -> None:
    dynamic = PYPROJECT.replace('version = "1.2.3"', 'dynamic = ["version"]')
    nodejs = '[tool.hatch.version]\nsource = "nodejs"\n'
    manifest = '{"name": "small-ui", "version": "1.2.3"}\n'
    files = {"package.json": manifest, "package-lock.json": NPM_LOCK}
    change(root, {**files, "pyproject.toml": dynamic + SETTINGS + nodejs})
    after = edits(planned(root, "1.3.0rc1"))
    assert after["package.json"] == manifest.replace("1.2.3", "1.3.0-rc.1")
    assert after["package-lock.json"] == NPM_LOCK.replace("1.2.3", "1.3.0-rc.1", 2)


def test_the_crate_that_maturin_builds_and_its_lock_are_edited(root: Path) -> None:
    maturin = (PYPROJECT + SETTINGS).replace('"hatchling"', '"maturin"')
    crate = '[dependencies]\nx = "1.2.3"\n[package]\nname = "small"\nversion = "1.2.3"\n'
    files = {
        "pyproject.toml": maturin.replace("hatchling.build", "maturin"),
        "Cargo.toml": crate,
        "Cargo.lock": '[[package]]\nname = "small"\nversion = "1.2.3"\n',
    }
    change(root, files)
    after = edits(planned(root))
    assert after["Cargo.toml"] == '"1.3.0"'.join(crate.rsplit('"1.2.3"', 1))
    assert after["Cargo.lock"] == files["Cargo.lock"].replace("1.2.3", "1.3.0")
    change(root, {"uv.lock": OWN_ENTRY})
    change(root, {one.path: one.after for one in planned(root, "1.3.0rc1").edits})
    assert 'version = "1.3.0-rc.1"' in (root / "Cargo.toml").read_text(encoding="utf-8")
    assert 'version = "1.3.0-rc.1"' in (root / "Cargo.lock").read_text(encoding="utf-8")
    assert 'version = "1.3.0rc1"' in (root / "uv.lock").read_text(encoding="utf-8")
    after = edits(planned(root))
    assert after["Cargo.toml"] == '"1.3.0"'.join(crate.rsplit('"1.2.3"', 1))
    assert after["Cargo.lock"] == files["Cargo.lock"].replace("1.2.3", "1.3.0")
    for other in (crate.replace('version = "1.2.3"', 'version = "1.2.2"'), "[package\n1.2.3"):
        change(root, {"Cargo.toml": other})
        assert "Cargo.toml" not in edits(planned(root))


@pytest.mark.parametrize(
    "text",
    [
        'release = "1.2.2"\nx = "1.2.3"\n',
        'needs = {"release": "1.2.3"}\nversion = "1.1"\n',
        'release = f"{1}.2.3"\nversion = get("1.2.3")\n',
        'release = "1.2.3\n',
    ],
)
def test_what_sphinx_does_not_show_stays(root: Path, text: str) -> None:
    change(root, {"docs/conf.py": text})
    assert "docs/conf.py" not in edits(planned(root))


@pytest.mark.parametrize(
    ("run", "text"),
    [
        ("cat VERSION", "1.2.3\n"),  # and no tag
        ("echo $GITHUB_REF_NAME; cat VERSION", "1.2.3\n"),
        (f"said=$(cat VERSION.txt); {EQUAL}", "1.2.3\n"),
        (f"said=$(cat docs/VERSION); {EQUAL}", "1.2.3\n"),
        (f"said=$(head -1 VERSION); {EQUAL}", "1.2.3\n1.2.3 again\n"),
        (f"said=$(cat VERSION); {EQUAL}", "1.2.3 1.2.3\n"),
        (f"said=$(cat VERSION); {EQUAL}", "Since release 1.2.3, all is well.\n"),
        (f"said=$(cat x); {EQUAL}\n          cp VERSION a.md; python check_tag.py", "1.2.3\n"),
    ],
)
def test_what_is_not_surely_compared_is_named_and_not_edited(
    root: Path, run: str, text: str
) -> None:
    change(root, {".github/workflows/publish.yml": PUBLISH % run, "VERSION": text})
    plan = planned(root)
    assert "VERSION" not in edits(plan)
    assert any("VERSION" in f"{note.path} {note.message}" for note in plan.notes)


def test_the_same_input_gives_the_same_plan_and_writes_nothing(root: Path) -> None:
    assert planned(root) == planned(root)
    assert git(root, "status", "--porcelain", "--ignored") == ""


def test_the_commit_says_the_version_what_changed_and_the_trailers(root: Path) -> None:
    settle(root, '\n[tool.release.commit]\ntrailers = ["Reviewed-by: A <a@example.invalid>"]\n')
    assert planned(root).commit_message == (
        "Release 1.3.0\n\n### Added\n\n- `double` takes fractions.\n\n"
        "Reviewed-by: A <a@example.invalid>\n"
    )


def test_the_commit_can_do_without_the_changelog(root: Path) -> None:
    settle(root, '\n[tool.release.commit]\nbody = "none"\nmessage = "chore: {name} {version}"\n')
    assert planned(root).commit_message == "chore: small-thing 1.3.0\n"


def test_the_changelog_of_a_tool_goes_below_the_first_line() -> None:
    assert with_entry("Release 1\n", "\n### Added  \n- x\n") == "Release 1\n\n### Added\n- x\n"
    assert with_entry("Release 1\n\nA: b\n", "- x") == "Release 1\n\n- x\n\nA: b\n"


@pytest.mark.parametrize("subject", [None, "", "  \n "])
def test_a_text_that_wants_a_subject_gets_one_or_is_an_error(
    root: Path, subject: str | None
) -> None:
    settle(root, '\n[tool.release.commit]\nmessage = "Release {version}: {subject}"\n')
    with pytest.raises(UsageError, match=r"commit\.message holds \{subject\}.*\n.*--subject"):
        planned(root, subject=subject)


def test_values_are_never_read_as_templates(root: Path) -> None:
    settle(root, '\n[tool.release.commit]\nmessage = "{subject} ({version}, {previous}, {date})"\n')
    plan = planned(root, subject="{version} {date}\n {name} {0} %s \\1")
    first = (plan.commit_message or "").partition("\n")[0]
    assert first == "{version} {date} {name} {0} %s \\1 (1.3.0, 1.2.3, 2026-03-04)"


def test_a_bump_has_no_tag_and_a_cut_pushes_both_by_their_full_names(root: Path) -> None:
    with_remote(root)
    plan = planned(root)
    assert plan.tag is None
    plan = planned(root, tag=True, push=True)
    assert plan.tag is not None
    assert (plan.tag.name, plan.tag.message) == ("v1.3.0", "small-thing 1.3.0")
    assert plan.remote == "origin"
    assert plan.pushes == (
        "refs/heads/main:refs/heads/main",
        "refs/tags/v1.3.0:refs/tags/v1.3.0",
    )


def test_a_project_without_that_remote_pushes_to_none(root: Path) -> None:
    assert planned(root, tag=True).remote is None


def test_a_pre_release_may_have_a_tag_of_its_own_kind(root: Path) -> None:
    write(
        root,
        {
            "pyproject.toml": PYPROJECT
            + SETTINGS
            + 'prerelease-tag = "v{base}-{pre}"\n'
            + BUMPVERSION
        },
    )
    commit(root)
    plan = planned(root, "1.3.0rc1", tag=True)
    assert plan.tag is not None
    assert plan.tag.name == "v1.3.0-rc1"
    assert 'version = "1.3.0rc1"' in edits(plan)["pyproject.toml"]


def test_another_branch_is_made_anew(root: Path) -> None:
    plan = planned(root, branch="release/1.3.0")
    assert plan.new_branch
    assert not planned(root).new_branch


def test_all_that_is_wrong_is_said_at_once(root: Path) -> None:
    listed = '\n[[tool.bumpversion.files]]\nfilename = "gone.txt"\n'
    change(
        root,
        {
            "pyproject.toml": PYPROJECT + SETTINGS + BUMPVERSION + listed,
            "CITATION.cff": "version: [1.2.3\n",
            "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n",
            "src/small_thing/__init__.py": '"""No version."""\n',
        },
    )
    with pytest.raises(ConfigurationError) as caught:
        planned(root)
    paths = {problem.path for problem in caught.value.problems}
    assert paths >= {"gone.txt", "CITATION.cff", "CHANGELOG.md", "src/small_thing/__init__.py"}
    assert all(problem.remedy for problem in caught.value.problems)


def test_a_listed_file_that_is_missing_may_be_allowed(root: Path) -> None:
    listed = '\n[[tool.bumpversion.files]]\nfilename = "gone.txt"\nignore_missing_file = true\n'
    change(root, {"pyproject.toml": PYPROJECT + SETTINGS + BUMPVERSION + listed})
    assert "gone.txt" not in edits(planned(root))


def test_a_changelog_that_is_declared_and_missing_is_named(root: Path) -> None:
    change(root, {"CHANGELOG.md": None})
    settle(root, '\n[tool.release.changelog]\nfile = "NEWS.md"\n')
    with pytest.raises(ConfigurationError, match=r"^NEWS\.md: .*does not exist"):
        planned(root)


def test_places_that_the_table_does_not_list_are_edited_and_told(root: Path) -> None:
    change(
        root,
        {
            "pyproject.toml": PYPROJECT
            + SETTINGS
            + BUMPVERSION.replace("src/small", "src/./small"),
            "tool.txt": "1.2.3\n",
        },
    )
    listed = '\n[tool.bumpversion]\ncurrent_version = "1.2.3"\n[[tool.bumpversion.files]]\n'
    write(root, {"pyproject.toml": PYPROJECT + SETTINGS + listed + 'filename = "tool.txt"\n'})
    commit(root)
    plan = planned(root)
    assert '__version__ = "1.3.0"' in edits(plan)["src/small_thing/__init__.py"]
    told = [f for f in plan.notes if f.path == "src/small_thing/__init__.py"]
    assert "is not listed in [tool.bumpversion]" in told[0].message


def test_what_an_edited_line_still_says_of_the_old_version_is_told(root: Path) -> None:
    change(root, {".zenodo.json": '{"title": "Small thing 1.2.3", "version": "1.2.3"}\n'})
    plan = planned(root)
    assert edits(plan)[".zenodo.json"] == '{"title": "Small thing 1.2.3", "version": "1.3.0"}\n'
    (told,) = [note for note in plan.notes if ".zenodo.json" in f"{note.path} {note.message}"]
    assert "1.2.3" in told.message


def test_lines_that_still_say_the_old_version_are_told(root: Path) -> None:
    change(root, {"docs/install.md": "x\npip install small-thing==1.2.3\n"})
    plan = planned(root)
    assert [(f.path, f.line) for f in plan.notes if f.path == "docs/install.md"] == [
        ("docs/install.md", 2)
    ]
    assert not [f for f in plan.notes if f.path == "CITATION.cff"]


def test_a_link_is_edited_once_and_by_its_target(root: Path) -> None:
    listed = '\n[[tool.bumpversion.files]]\nfilename = "VERSION"\n'
    (root / "VERSION").symlink_to("data.txt")
    change(
        root,
        {"pyproject.toml": PYPROJECT + SETTINGS + BUMPVERSION + listed, "data.txt": "1.2.3\n"},
    )
    after = edits(planned(root))
    assert after["data.txt"] == "1.3.0\n"
    assert "VERSION" not in after


def test_a_version_that_version_control_defines_is_edited_nowhere(root: Path) -> None:
    pyproject = (
        PYPROJECT.replace('version = "1.2.3"\n', 'dynamic = ["version"]\n')
        .replace('"hatchling"]', '"hatchling", "hatch-vcs"]')
        .replace("[project.scripts]", '[tool.hatch.version]\nsource = "vcs"\n\n[project.scripts]')
    )
    change(
        root,
        {
            "pyproject.toml": pyproject + SETTINGS,
            "src/small_thing/__init__.py": '"""x"""\n',
            "CITATION.cff": None,
        },
    )
    plan = planned(root)
    assert list(edits(plan)) == ["CHANGELOG.md"]
    assert plan.previous is None
    change(root, {"CHANGELOG.md": None})
    plan = planned(root, tag=True)
    assert plan.edits == ()
    assert plan.commit_message is None
    assert plan.tag is not None


def test_commands_get_the_version_and_the_date_as_words(root: Path) -> None:
    settle(root, '\n[tool.release.bump]\nrun = ["uv lock"]\nwrites = ["uv.lock"]\n')
    project = read_project(root)
    command = ("news", "--version", "{version}", "{date}")
    made = Fragments("news", ("news",), (command,), ("NEWS.md",))
    sources = Sources(read_sources(project).texts, fragments=made)
    plan = plan_bump(project, sources, Wish(Version("1.3.0"), DAY, "main", "main"), edit)
    assert plan.commands == (
        ("news", "--version", "1.3.0", "2026-03-04"),
        ("uv", "lock"),
    )
    assert plan.writes == ("NEWS.md", "uv.lock")
    assert plan.entry_from == "CHANGELOG.md"
    assert "CHANGELOG.md" not in edits(plan)


def test_a_repository_without_a_commit_has_no_plan(tmp_path: Path) -> None:
    root = tmp_path / "new"
    write(root, {"pyproject.toml": PYPROJECT})
    git(root, "init", "--quiet", "--initial-branch=main")
    with pytest.raises(ReleaseError, match="no commit yet"):
        plan_bump(
            read_project(root), Sources({}), Wish(Version("1.3.0"), DAY, "main", "main"), edit
        )


# What a plan is made from.


def test_thousands_of_listed_files_take_time_in_proportion(root: Path) -> None:
    listed = BUMPVERSION + '[[tool.bumpversion.files]]\nglob = "many/*.txt"\n'
    files = {f"many/{number}.txt": "version = 1.2.3\n" for number in range(1_000)}
    change(root, {"pyproject.toml": PYPROJECT + SETTINGS + listed, **files})
    edits = {edit.path: edit.after for edit in planned(root).edits}
    assert {edits[path] for path in files} == {"version = 1.3.0\n"}


def test_documents_are_read_whether_or_not_a_table_lists_them(root: Path) -> None:
    listed = (
        '\n[[tool.bumpversion.files]]\nglob = "docs/*.md"\n'
        '[[tool.bumpversion.files]]\nfilename = "./CITATION.cff"\n'
    )
    table = {"pyproject.toml": PYPROJECT + SETTINGS + BUMPVERSION + listed}
    change(root, {**table, "docs/a.md": "at 1.2.3\n", ".zenodo.json": "{}\n"})
    texts = read_sources(read_project(root)).texts
    assert {"pyproject.toml", "CHANGELOG.md", "CITATION.cff", ".zenodo.json"} <= set(texts)
    assert "docs/a.md" in texts


def test_globs_are_read_from_the_files_that_git_tracks(root: Path) -> None:
    listed = '\n[[tool.bumpversion.files]]\nglob = "docs/*.md"\n'
    change(
        root,
        {
            "pyproject.toml": PYPROJECT + SETTINGS + BUMPVERSION + listed,
            "docs/a.md": "at 1.2.3\n",
            "docs/b.md": "at 1.2.3\n",
        },
    )
    write(root, {"docs/untracked.md": "at 1.2.3\n"})
    texts = read_sources(read_project(root)).texts
    assert {"docs/a.md", "docs/b.md"} <= set(texts)
    assert "docs/untracked.md" not in texts
    assert edits(planned(root))["docs/b.md"] == "at 1.3.0\n"


def test_text_is_read_as_it_is(tmp_path: Path) -> None:
    data = "\ufeffa\r\nb\rc\x0c\u2028\n".encode()
    (tmp_path / "x").write_bytes(data)
    assert untranslated(tmp_path, "x").encode() == data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfea\0", "is UTF-16"),
        (b"a\nb\xff", "x:2: is not UTF-8"),
        (b"a\n\0b", "x:2: holds NUL bytes"),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(ConfigurationError, match=said):
        untranslated(tmp_path, "x")


def test_a_path_never_leads_outside(tmp_path: Path) -> None:
    root = tmp_path / "in"
    write(root, {"a/file": "x", "../out": "x"})
    (root / "link").symlink_to("a/file")
    (root / "folder").symlink_to("..")
    assert real_path(root, "link") == "a/file"
    for path in ("../out", "folder/out", "none", "/etc/passwd"):
        with pytest.raises(ConfigurationError, match=r"out of the repository|cannot be read"):
            real_path(root, path)


@pytest.mark.parametrize(
    ("name", "text", "program", "writes"),
    [
        ("towncrier.toml", '[tool.towncrier]\nfilename = "NEWS.md"\n', "towncrier", "NEWS.md"),
        ("setup.cfg", "[scriv]\nfragment_directory = news.d\n", "scriv", "news.d/**"),
        ("tox.ini", "[scriv]\n", "scriv", "changelog.d/**"),
        ("changelog.d/scriv.ini", "[scriv]\nchangelog = NEWS.md\n", "scriv", "NEWS.md"),
        ("tox.ini", "[scriv]\nformat = md\n", "scriv", "CHANGELOG.md"),
        (".changie.yaml", "changelogPath: NEWS.md\n", "changie", "NEWS.md"),
        (".changie.yaml", "replacements:\n- path: package.json\n", "changie", "package.json"),
        (".changie.yml", "unreleasedDir: next\n", "changie", ".changes/next/**"),
    ],
)
def test_a_tool_for_fragments_is_told_by_its_configuration(
    root: Path, name: str, text: str, program: str, writes: str
) -> None:
    change(root, {name: text})
    found = fragments(read_project(root))
    assert found is not None
    assert found.commands[0][0] == found.tool == program
    assert writes in found.writes


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "towncrier.toml",
            '[tool.towncrier]\nfilename = "../../../x"\n',
            "filename = '../../../x'",
        ),
        ("towncrier.toml", '[tool.towncrier]\nfilename = "/tmp/x"\n', "filename = '/tmp/x'"),
        ("towncrier.toml", '[tool.towncrier]\nfilename = "folder/x"\n', "filename = 'folder/x'"),
        ("towncrier.toml", '[tool.towncrier]\ndirectory = "../x"\n', "directory = '../x'"),
        (
            "towncrier.toml",
            '[tool.towncrier]\nname = "../x"\nsingle_file = false\nfilename = "{name}.md"\n',
            "filename = '../x.md'",
        ),
        (
            "towncrier.toml",
            '[tool.towncrier]\ndirectory = "a"\n[[tool.towncrier.section]]\npath = "../../b"\n',
            "section path = 'a/../../b'",
        ),
        ("setup.cfg", "[scriv]\nchangelog = ../x.md\n", "changelog = '../x.md'"),
        ("tox.ini", "[scriv]\noutput_file = ../x.md\n", "output_file = '../x.md'"),
        ("tox.ini", "[scriv]\nfragment_directory = ../x\n", "fragment_directory = '../x'"),
        (
            "setup.cfg",
            "[scriv]\nformat = md\nfragment_directory = news\nchangelog = docs/NEWS.md\n",
            "changelog = 'CHANGELOG.md'",
        ),
        ("setup.cfg", "[scriv]\nformat = rst\n", "fragment_directory = 'changelog.d'"),
        (
            "towncrier.toml",
            '[tool.towncrier]\nfilename = ".git/config"\n',
            "filename = '.git/config'",
        ),
        (".changie.yaml", "changelogPath: ../x.md\n", "changelogPath = '../x.md'"),
        (".changie.yaml", "replacements: [{path: /etc/x}]\n", "replacements = '/etc/x'"),
        (".changie.yaml", "replacements: [{path: 'a*/../x'}]\n", "replacements = 'a*/../x'"),
        (".changie.yaml", "projects: [{changelog: ../x}]\n", "changelogPath = '../x'"),
        (".changie.yaml", "headerPath: ../../x\n", "headerPath = '.changes/../../x'"),
        (
            ".changie.yaml",
            "versionHeaderPath: ../../../x\n",
            "versionHeaderPath = '.changes/unreleased/../../../x'",
        ),
        (
            ".changie.yaml",
            "changesDir: c\nunreleasedDir: u\nversionFooterPath: ../../../x\n",
            "versionFooterPath = 'c/u/../../../x'",
        ),
        (".changie.yaml", "versionExt: x/../y\n", "versionExt = '/x/../y'"),
        (".changie.yaml", "versionFileFormat: a/{{.Version}}\n", "versionFileFormat = '/a/0'"),
    ],
)
def test_a_tool_for_fragments_that_would_write_outside_is_refused(
    root: Path, name: str, text: str, said: str
) -> None:
    (root / "folder").symlink_to("..")
    (root / "CHANGELOG.md").unlink(missing_ok=True)
    (root / "CHANGELOG.md").symlink_to("../x.md")
    (root / "changelog.d").symlink_to("..")
    change(root, {name: text})
    with pytest.raises(ConfigurationError) as caught:
        fragments(read_project(root))
    assert said in str(caught.value)
    assert "leads out of the repository" in str(caught.value)


def test_replacements_of_changie_that_are_no_list_are_an_error(root: Path) -> None:
    change(root, {".changie.yaml": "replacements: 3\n"})
    with pytest.raises(ConfigurationError, match="replacements is 3, not a list") as caught:
        fragments(read_project(root))
    assert caught.value.problems[0].path == ".changie.yaml"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("setup.cfg", "[scriv]\nchangelog = command: id\n"),
        ("setup.cfg", "[scriv]\nout = /tmp/x\nchangelog = %(out)s\n"),
        (
            "towncrier.toml",
            '[tool.towncrier]\nsingle_file = false\nfilename = "l{version}/NEWS.md"\n',
        ),
        (
            "towncrier.toml",
            '[tool.towncrier]\nsingle_file = false\nfilename = "{version[1]}/NEWS.md"\n',
        ),
        (".changie.yaml", "versionFileFormat: '{{.Env.PLACE}}'\n"),
    ],
)
def test_a_place_that_only_the_tool_can_tell_is_refused(root: Path, name: str, text: str) -> None:
    change(root, {name: text})
    with pytest.raises(ConfigurationError, match="is known only when it runs"):
        fragments(read_project(root))


@pytest.mark.parametrize("file", ["setup.cfg", "news.d/scriv.ini"])
@pytest.mark.parametrize("value", ["command: id", "%(c)s: id"])
def test_a_setting_that_scriv_would_ask_a_shell_for_is_refused(
    root: Path, file: str, value: str
) -> None:
    change(root, {"setup.cfg": "[scriv]\nfragment_directory = news.d\nversion = command: id\n"})
    fragments(read_project(root))
    spoken = f"[scriv]\nfragment_directory = news.d\nc = command\nentry_title_template = {value}\n"
    change(root, {file: spoken})
    with pytest.raises(ConfigurationError, match=r"entry_title_template = .* may run a command"):
        fragments(read_project(root))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("setup.cfg", "[scriv]\nformat = md\nchangelog = docs/NEWS.${config:format}\n"),
        (
            "towncrier.toml",
            '[tool.towncrier]\nsingle_file = false\nfilename = "docs/{name}/{version}.rst"\n',
        ),
        (
            ".changie.yaml",
            "versionHeaderPath: header.md\nversionFileFormat: '{{.VersionNoPrefix}}.md'\n",
        ),
    ],
)
def test_a_place_inside_is_taken_however_it_is_spelled(root: Path, name: str, text: str) -> None:
    change(root, {name: text})
    assert fragments(read_project(root)) is not None


def test_a_place_of_fragments_may_be_spelled_with_slashes_that_git_leaves_out(root: Path) -> None:
    change(
        root, {"towncrier.toml": '[tool.towncrier]\nfilename = "./NEWS.md"\ndirectory = "news/"\n'}
    )
    collected = fragments(read_project(root))
    assert collected is not None
    assert collected.writes == ("NEWS.md", "news/**")


def test_what_scriv_reads_last_is_judged_too(root: Path) -> None:
    harmless = "[scriv]\nfragment_directory = news.d\nchangelog = NEWS.md\n"
    change(root, {"setup.cfg": harmless, "news.d/scriv.ini": "[scriv]\nchangelog = ../x.md\n"})
    with pytest.raises(ConfigurationError, match="leads out of the repository"):
        fragments(read_project(root))


@pytest.mark.parametrize(
    ("made", "words"), [("v1.2.3.md", "v1.3.0"), ("1.2.3.md", "1.3.0"), ("header.tpl.md", "1.3.0")]
)
def test_changie_is_told_the_version_as_its_files_spell_it(
    root: Path, made: str, words: str
) -> None:
    change(root, {".changie.yaml": "changesDir: .changes\n", f".changes/{made}": ""})
    plan = planned(root)
    assert plan.commands == (("changie", "batch", words), ("changie", "merge"))
    assert plan.writes == ("CHANGELOG.md", ".changes/unreleased/**", ".changes/**")


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ('title_format = "Version {version}"\n', True),
        ('title_format = "{name} {version}"\n', False),
        ('title_format = "Version {version}"\nname = "Thing"\n', False),
        ("", False),
    ],
)
def test_towncrier_need_not_import_the_package_for_a_name_that_no_title_has(
    root: Path, lines: str, named: bool
) -> None:
    settle(root, f'\n[tool.towncrier]\npackage = "small_thing"\n{lines}')
    (command,) = planned(root).commands
    assert command[-2:] == (("--name", "small-thing") if named else ("--date", "2026-03-04"))


def test_reno_writes_no_file_and_its_notes_stay(root: Path) -> None:
    note = {"releasenotes/notes/a-1.yaml": "features: [A new option.]\n"}
    change(root, {"CHANGELOG.md": None, **note})
    plan = planned(root)
    assert (plan.commands, plan.writes) == ((), ())
    assert plan.entry_from is None
    (told,) = [n for n in plan.notes if n.message.startswith("reno ")]
    assert "no file is written, and the fragments stay" in told.message
    change(root, {"CHANGELOG.md": CHANGELOG})
    assert fragments(read_project(root)) is None


@pytest.mark.parametrize(
    ("name", "count"), [("12.feature.md", 1), ("README.md", 0), (".gitkeep", 0), ("t.j2", 0)]
)
def test_what_lies_beside_fragments_is_none(root: Path, name: str, count: int) -> None:
    made = Fragments("towncrier", ("news",))
    assert made.there(root) == []
    write(root, {f"news/{name}": "New.\n"})
    assert len(made.there(root)) == count


def test_a_project_without_such_a_tool_has_none(root: Path) -> None:
    assert fragments(read_project(root)) is None


@pytest.mark.parametrize(
    ("name", "text"), [("towncrier.toml", "[tool\n"), ("setup.cfg", "no section\n")]
)
def test_broken_configuration_of_such_a_tool_is_named(root: Path, name: str, text: str) -> None:
    project: Project = read_project(root)
    write(root, {name: text})
    with pytest.raises(ConfigurationError, match=f"^{name}:1: is not"):
        fragments(project)
