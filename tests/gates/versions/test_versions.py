"""versions: do the version places agree, and is the version a new one?"""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from release.gates.versions import judge_bumpversion, judge_index, judge_order, judge_places
from release.model import Evidence, Level, Status
from release.project import VersionPlace
from release.text import patterns
from release.world.index import ServedFile
from tests.support import PYPROJECT, Judge, commit, git, make_project, write

CITATION = """\
cff-version: 1.2.0
title: Small thing
version: {0}
authors: [{{name: A}}]
preferred-citation:
  type: software
  version: {1}
references:
  - type: software
    title: another thing
    version: 1.2.2
"""


@pytest.fixture
def simple_index(tmp_path: Path) -> Path:
    """An index in a folder that knows 1.2.2 of the project."""
    serve(tmp_path / "index", "small_thing-1.2.2.tar.gz", "small_thing-1.2.2-py3-none-any.whl")
    return tmp_path / "index"


@pytest.fixture(autouse=True)
def _ask_it(simple_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", simple_index.as_uri())


def serve(folder: Path, *names: str, yanked: str = "") -> None:
    (folder / "small-thing").mkdir(parents=True, exist_ok=True)
    links = "".join(f'<a href="../f/{name}"{yanked}>{name}</a>\n' for name in names)
    (folder / "small-thing" / "index.html").write_text(f"<html><body>{links}</body></html>")


def set_version(root: Path, version: str, *, everywhere: bool = True) -> None:
    write(root, {"pyproject.toml": PYPROJECT.replace("1.2.3", version)})
    if everywhere:
        path = root / "src/small_thing/__init__.py"
        path.write_text(path.read_text().replace('"1.2.3"', f'"{version}"'))
    commit(root, version)


def said(evidence: Evidence) -> str:
    assert evidence.outcome.status is Status.FAILED, evidence.outcome
    assert all(finding.remedy for finding in evidence.outcome.findings)
    return "\n".join(f"{f.path}:{f.line}: {f.message}" for f in evidence.outcome.findings)


def tag(root: Path, name: str, *where: str) -> None:
    git(root, "tag", "--annotate", "--message", name, name, *where)


def test_a_new_version_that_all_places_agree_on_passes(project: Path, judge: Judge) -> None:
    found = judge(project, "versions").outcome
    assert found.status is Status.PASSED
    assert found.summary == "1.2.3 in 2 places"
    assert found.facts == {"version": "1.2.3"}
    assert found.checked == 5


class TestPlaces:
    def test_the_packages_own_version_must_agree(self, project: Path, judge: Judge) -> None:
        set_version(project, "1.2.4", everywhere=False)
        found = said(judge(project, "versions"))
        assert (
            "src/small_thing/__init__.py:3: __version__ is 1.2.3,"
            " and [project] version is 1.2.4" in found
        )

    @pytest.mark.parametrize(
        ("top", "preferred", "line"), [("1.2.2", "1.2.3", 3), ("1.2.3", "1.2.2", 7)]
    )
    def test_both_places_of_the_citation_must_agree(
        self, project: Path, judge: Judge, top: str, preferred: str, line: int
    ) -> None:
        write(project, {"CITATION.cff": CITATION.format(top, preferred)})
        assert f"CITATION.cff:{line}: " in said(judge(project, "versions"))

    def test_cff_version_and_references_are_no_places(self, project: Path, judge: Judge) -> None:
        write(project, {"CITATION.cff": CITATION.format("1.2.3", "1.2.3")})
        assert judge(project, "versions").outcome.summary == "1.2.3 in 4 places"

    def test_a_broken_citation_is_reported_with_its_line(self, project: Path, judge: Judge) -> None:
        write(project, {"CITATION.cff": "title: x\nversion: [1\n"})
        assert "CITATION.cff:3: is not valid YAML" in said(judge(project, "versions"))

    def test_what_bumpversion_lists_must_hold_the_version(
        self, project: Path, judge: Judge
    ) -> None:
        table = (
            '\n[tool.bumpversion]\ncurrent_version = "1.2.3"\n'
            '[[tool.bumpversion.files]]\nfilename = "docs/conf.py"\n'
            'search = "release = \\"{current_version}\\""\n'
        )
        write(project, {"pyproject.toml": PYPROJECT + table, "docs/conf.py": 'release = "1.2"\n'})
        assert "docs/conf.py:1: has 1.2 where [tool.bumpversion] looks for 1.2.3" in said(
            judge(project, "versions")
        )
        write(project, {"docs/conf.py": 'release = "1.2.3"\n'})
        assert judge(project, "versions").outcome.status is Status.PASSED
        write(project, {"docs/conf.py": None})
        assert "is listed in [tool.bumpversion], and does not exist" in said(
            judge(project, "versions")
        )

    def test_bumpversions_own_version_must_agree(self, project: Path, judge: Judge) -> None:
        table = '\n[tool.bumpversion]\ncurrent_version = "1.2.2"\n'
        write(project, {"pyproject.toml": PYPROJECT + table})
        assert "[tool.bumpversion] current_version is 1.2.2" in said(judge(project, "versions"))

    def test_a_listed_path_out_of_the_repository_is_refused(
        self, project: Path, judge: Judge, tmp_path: Path
    ) -> None:
        (tmp_path / "secret.txt").write_text("1.2.3")
        table = '\n[tool.bumpversion]\n[[tool.bumpversion.files]]\nfilename = "../secret.txt"\n'
        write(project, {"pyproject.toml": PYPROJECT + table})
        assert "../secret.txt:None: leads out of the repository" in said(judge(project, "versions"))

    def test_other_spellings_of_the_same_version_agree(self) -> None:
        places = [
            VersionPlace("a", 1, "0.9.0-rc1", "a"),
            VersionPlace("b", 1, "0.9.0rc1", "b"),
        ]
        assert list(judge_places(places)) == []

    def test_every_place_that_differs_is_listed(self) -> None:
        places = [
            VersionPlace(name, 1, value, name) for name, value in zip("abcd", "1123", strict=True)
        ]
        assert [finding.path for finding in judge_places(places)] == ["c", "d"]


class TestBumpversion:
    def judge(self, entry: dict[str, object], text: str | None = "v1.2.3\n") -> list[str]:
        table = {"files": [{"filename": "f", **entry}]}
        return [f.message for f in judge_bumpversion(table, {"f": text}, "1.2.3")]

    def test_the_default_search_is_the_version_itself(self) -> None:
        assert self.judge({}) == []
        assert self.judge({}, "no version\n") == [
            "holds 1.2.3 nowhere, and [tool.bumpversion] looks for it there"
        ]

    @pytest.mark.parametrize(
        ("text", "there"),
        [
            ("Version 1.2.3.\nSince 2020.\n", True),
            ("small_thing-1.2.3-py3-none-any.whl", True),
            ("v1.2.3", True),
            ("11.2.3", False),
            ("1.2.30", False),
            ("1.2.3.4", False),
            ("0.1.2.3", False),
        ],
    )
    def test_a_version_inside_another_number_is_none(self, text: str, there: bool) -> None:
        assert (self.judge({}, text) == []) is there

    def test_another_version_in_the_place_that_is_searched_disagrees(self) -> None:
        entry: dict[str, object] = {"search": "pin=={current_version}"}
        assert self.judge(entry, "1.2.3\npin==1.2.2\n") == [
            "has 1.2.2 where [tool.bumpversion] looks for 1.2.3"
        ]
        assert self.judge(entry, "pin==1.2.3\npin==1.2.2\n") == []
        assert self.judge({"search": "{current_version} to {current_version}"}, "1.2 to 1.3") == [
            "has 1.2 where [tool.bumpversion] looks for 1.2.3"
        ]
        assert self.judge(entry, "pin==1.2.30\n") != []

    def test_a_changelog_that_is_released_already_agrees(self) -> None:
        entry: dict[str, object] = {"search": "## {current_version} (unreleased)"}
        assert self.judge(entry, "## 1.2.3 (2026-01-01)\n") == []
        assert self.judge({"search": "## Unreleased"}, "# Changes\n") == []

    def test_a_version_is_looked_for_as_the_entry_s_own_format_writes_it(self) -> None:
        entry: dict[str, object] = {
            "search": 'version = "{current_version}"',
            "serialize": ["{major}.{minor}"],
        }
        assert self.judge(entry, 'version = "1.2"\n') == []
        assert self.judge(entry, 'version = "1.1"\n') == [
            "has 1.1 where [tool.bumpversion] looks for 1.2"
        ]
        calendar = {**entry, "parse": r"(?P<year>\d+)\.0*(?P<month>\d+)", "serialize": ["{year}"]}
        assert self.judge(calendar, 'version = "1"\n') == []

    @pytest.mark.parametrize("formats", [["{major}", "{minor}"], ["{colour}"], ["{"], "{major}"])
    def test_formats_that_the_tool_alone_can_choose_from_are_left_to_it(
        self, formats: object
    ) -> None:
        assert self.judge({"serialize": formats}, "nothing\n") == []

    def test_a_regular_expression_is_matched(self) -> None:
        entry: dict[str, object] = {"search": "^v{current_version}$", "regex": True}
        assert self.judge(entry) == []
        assert self.judge(entry, "v1x2x3") == ["has 1x2x3 where [tool.bumpversion] looks for 1.2.3"]
        broken: dict[str, object] = {"search": "({current_version}", "regex": True}
        assert "cannot be used as a regular expression" in self.judge(broken)[0]

    def test_a_regular_expression_without_end_is_stopped(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(patterns, "SECONDS", 0.5)
        table = {"files": [{"filename": "f", "regex": True, "search": "(a+)+$ {current_version}"}]}
        found = list(judge_bumpversion(table, {"f": "a" * 60 + "!"}, "1.2.3"))
        assert "it took more than 0.5 s" in found[0].message

    def test_what_the_tool_ignores_is_ignored(self) -> None:
        assert self.judge({"ignore_missing_version": True}, "nothing") == []
        assert self.judge({"ignore_missing_files": True}, None) == []

    def test_searches_with_other_fields_are_left_to_the_tool(self) -> None:
        assert self.judge({"search": "{current_version} of {now:%Y}"}, "nothing") == []


class TestOrder:
    def test_a_version_that_is_no_version_is_reported(self, project: Path, judge: Judge) -> None:
        set_version(project, "1.2.three")
        assert "pyproject.toml:7: '1.2.three' is not a version by PEP 440" in said(
            judge(project, "versions")
        )

    def test_a_local_version_is_never_released(self, project: Path, judge: Judge) -> None:
        set_version(project, "1.2.4+local")
        assert "1.2.4+local is a local version" in said(judge(project, "versions"))

    def test_after_a_release_its_places_are_judged_alone(self, project: Path, judge: Judge) -> None:
        tag(project, "v1.2.3")
        write(project, {"README.md": "# More\n"})
        commit(project)
        found = judge(project, "versions").outcome
        assert found.status is Status.PASSED, found
        assert "and released; a higher one comes next" in found.summary

    @pytest.mark.parametrize("last", ["v1.2.4", "v2.0.0rc1"])
    def test_a_version_must_be_above_the_last_release(
        self, project: Path, judge: Judge, last: str
    ) -> None:
        tag(project, last)
        write(project, {"README.md": "# More\n"})
        commit(project)
        found = said(judge(project, "versions"))
        assert f"1.2.3 is not above the last release, {last[1:]} (tag {last})" in found

    def test_a_raw_spelling_in_a_tag_is_ordered_by_pep_440(
        self, project: Path, judge: Judge
    ) -> None:
        tag(project, "v1.2.3-rc10")
        write(project, {"README.md": "# More\n"})
        set_version(project, "1.2.3rc9")
        assert "1.2.3rc9 is not above the last release, 1.2.3rc10 (tag v1.2.3-rc10)" in said(
            judge(project, "versions")
        )
        git(project, "reset", "--quiet", "--hard", "HEAD^")
        set_version(project, "1.2.3rc11")
        assert judge(project, "versions").outcome.status is Status.PASSED

    def test_the_tag_of_this_very_commit_is_no_earlier_release(
        self, project: Path, judge: Judge
    ) -> None:
        tag(project, "v1.2.3")
        assert judge(project, "versions").outcome.status is Status.PASSED

    def test_releases_of_another_line_do_not_count(self, project: Path, judge: Judge) -> None:
        git(project, "switch", "--quiet", "--create", "next")
        set_version(project, "2.0.0")
        tag(project, "v2.0.0")
        git(project, "switch", "--quiet", "main")
        assert judge(project, "versions").outcome.status is Status.PASSED

    def test_a_version_below_the_last_names_the_highest(self) -> None:
        tags = {"v1.9": Version("1.9"), "v1.10": Version("1.10")}
        assert "1.10 (tag v1.10)" in next(judge_order(Version("1.9.1"), tags)).message


class TestLevel:
    def test_the_next_version_is_the_one_that_must_be_new(
        self, project: Path, judge: Judge, simple_index: Path
    ) -> None:
        tag(project, "v1.2.3")
        serve(simple_index, "small_thing-1.2.3.tar.gz")
        found = judge(project, "versions", Level.PATCH).outcome
        assert found.status is Status.PASSED
        assert found.facts == {"version": "1.2.4"}
        serve(simple_index, "small_thing-1.2.4.tar.gz")
        assert "1.2.4 is on the index already" in said(judge(project, "versions", Level.PATCH))

    def test_a_version_of_version_control_is_judged_with_a_level(
        self, tmp_path: Path, judge: Judge
    ) -> None:
        source = PYPROJECT.replace('version = "1.2.3"', 'dynamic = ["version"]').replace(
            '["hatchling"]', '["hatchling", "hatch-vcs"]'
        )
        root = make_project(tmp_path / "scm", {"pyproject.toml": source})
        found = judge(root, "versions").outcome
        assert found.status is Status.NOT_APPLICABLE
        assert "version control" in found.summary
        tag(root, "v1.2.3")
        assert judge(root, "versions").outcome.summary == "1.2.3 by its tag"
        assert judge(root, "versions", Level.MINOR).outcome.facts == {"version": "1.3.0"}


class TestIndex:
    def test_a_version_that_is_there_already_is_reported(
        self, project: Path, judge: Judge, simple_index: Path
    ) -> None:
        serve(simple_index, "small_thing-1.2.3.tar.gz")
        untagged = judge(project, "versions").outcome
        assert untagged.status is Status.PASSED
        assert [note.message for note in untagged.notes] == [
            "1.2.3 is released; a higher one comes next"
        ]
        tag(project, "v1.2.2")
        found = said(judge(project, "versions"))
        assert "1.2.3 is on the index already: small_thing-1.2.3.tar.gz" in found

    def test_a_yanked_version_counts_too(
        self, project: Path, judge: Judge, simple_index: Path
    ) -> None:
        tag(project, "v1.2.2")
        serve(simple_index, "small_thing-1.2.3.tar.gz", yanked=' data-yanked="bad"')
        assert "1.2.3 is on the index already (yanked)" in said(judge(project, "versions"))

    def test_an_unknown_project_is_new(
        self, project: Path, judge: Judge, simple_index: Path
    ) -> None:
        (simple_index / "small-thing" / "index.html").unlink()
        assert judge(project, "versions").outcome.status is Status.PASSED

    def test_an_index_that_cannot_be_asked_is_unchecked(
        self, project: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple/")
        found = judge(project, "versions").outcome
        assert found.status is Status.UNCHECKED
        assert "cannot be asked" in found.summary

    def test_a_defect_is_reported_even_where_the_index_cannot_be_asked(
        self, project: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple/")
        set_version(project, "1.2.4", everywhere=False)
        assert "__version__ is 1.2.3" in said(judge(project, "versions"))

    def test_a_project_for_no_index_is_not_asked_about(
        self, project: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple/")
        write(project, {"pyproject.toml": PYPROJECT + "\n[tool.release]\npublish = false\n"})
        assert judge(project, "versions").outcome.status is Status.PASSED

    def test_versions_are_compared_not_spellings(self) -> None:
        files = [ServedFile("x-1.0.tar.gz", "1.0", ""), ServedFile("odd", "", "")]
        assert judge_index(Version("1.0.0"), files)
        assert not judge_index(Version("1.0.1"), files)
