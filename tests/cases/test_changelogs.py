"""Changelogs: what is read of them, and what a release writes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from packaging.version import Version

from release.errors import ConfigurationError
from release.gates.changelog import judge_presence
from release.model import Level
from release.project import read_project
from release.text.changelog import Release, entry, with_release
from release.text.sections import read
from tests.support import write

DAY = date(2026, 2, 3)


def released(text: str, path: str = "CHANGELOG.md", previous: str | None = "v1.2.0") -> str:
    return with_release(text, path, Release("1.3.0", DAY, "v1.3.0", previous, (), None, None))


FOREIGN = {
    "bold": "# Version history\n\n**UNRELEASED**\n\n- New.\n\n**1.2.0**\n\n- Speed.\n",
    "bold below Unreleased": "# Log\n\n## Unreleased\n\n- New.\n\n**1.2.0**\n\n- Speed.\n",
    "dates first": "# Log\n\n## Unreleased\n\n- New.\n\n## 2026-01-10 : 1.2.0\n\n- Speed.\n",
    "a list": "# Log\n\n- 1.2.0: Speed.\n- 1.1.0: Write.\n",
    "a table": "# Log\n\n| version | what |\n|---|---|\n| 1.2.0 | Speed. |\n| 1.1.0 | Write. |\n",
    "plain titles": "Log\n\n1.2.0\n\n- Speed.\n\n1.1.0\n\n- Write.\n",
    "bold with dates": "# Log\n\n**v1.2.0** (2026-01-10)\n\n* Speed.\n\n**v1.1.0** (2025-12-03)\n",
    "a numbered list": "# Log\n\n1. Next\n\n    * New.\n\n2. v1.2.0 (2026-01-10)\n\n    * Speed.\n",
    "dates in brackets first": "# Log\n\n### [2026-01-10] v1.2.0\n\n- Speed.\n",
}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_format_is_not_understood_and_not_edited(text: str) -> None:
    assert not read(text, "CHANGELOG.md").understood
    with pytest.raises(ConfigurationError, match="no heading in it is understood"):
        released(text)


OWN = {
    "a first release": "# Changelog\n\n## Unreleased\n\n- New, for Python 3.12.\n",
    "nothing yet": "# Changelog\n\nWhat changed is listed here.\n",
    "an introduction that names a standard": "# Changelog\n\nAs Keep a Changelog 1.1.0 says.\n",
    "a mark where a tool writes": "# Changelog\n\n<!-- version list -->\n",
}


@pytest.mark.parametrize("text", OWN.values(), ids=OWN)
def test_a_changelog_that_begins_is_understood(text: str) -> None:
    assert read(text, "CHANGELOG.md").understood


POINTERS = {
    "an include": ("NEWS.rst", ".. include:: docs/changes.rst\n", "docs/changes.rst"),
    "a link": ("NEWS.md", "See [what changed](./doc/changelog.md).\n", "doc/changelog.md"),
    "a path": ("HISTORY", "History is in docs/history.txt now.\n", "docs/history.txt"),
    "an address": ("CHANGELOG.md", "# Log\n\nSee https://github.com/o/r/releases\n", None),
    "the address of a page": (
        "NEWS.md",
        "https://small.readthedocs.io/en/latest/changelog\n",
        None,
    ),
    "a list of links": (
        "CHANGELOG.md",
        "**News**\n\n- Fast ([#1](https://x.example/o/r/releases/tag/v1.2.0))\n",
        "CHANGELOG.md",
    ),
    "a version that links": (
        "CHANGELOG.md",
        "**1.2.0** (2026-01-01): https://x.example/o/r/releases/tag/v1.2.0\n",
        "CHANGELOG.md",
    ),
    "the address of one release": (
        "CHANGELOG.md",
        "The latest: https://x.example/o/r/releases/tag/v1.2.0\n",
        None,
    ),
    "a standard": (
        "CHANGELOG.md",
        "As https://keepachangelog.com/en/1.1.0/ says.\n",
        "CHANGELOG.md",
    ),
    "how to add to it": (
        "CHANGELOG.md",
        "See news/README.md on how to add to it.\n",
        "CHANGELOG.md",
    ),
    "a section": ("NEWS.md", "## 1.0\n\nSee docs/changes.rst.\n", "NEWS.md"),
}


@pytest.mark.parametrize(("name", "text", "wanted"), POINTERS.values(), ids=POINTERS)
def test_a_changelog_that_points_elsewhere_is_followed(
    tmp_path: Path, name: str, text: str, wanted: str | None
) -> None:
    files = ("docs/changes.rst", "doc/changelog.md", "docs/history.txt", "news/README.md")
    metadata = '[project]\nname = "small"\nversion = "1.0"\n'
    write(tmp_path, {**dict.fromkeys(files, "1.0\n---\n\n- New.\n"), name: text})
    write(tmp_path, {"pyproject.toml": metadata})
    assert read_project(tmp_path).changelog == wanted


@pytest.mark.parametrize(
    "where", ["../outside/CHANGELOG.md", "{}/outside/CHANGELOG.md", "docs/changes.md"]
)
def test_a_changelog_that_points_out_of_the_repository_is_not_followed(
    tmp_path: Path, where: str
) -> None:
    root = tmp_path / "small"
    pyproject = '[project]\nname = "small"\nversion = "1.0"\n'
    write(tmp_path, {"outside/CHANGELOG.md": "# 1.0\n\n- Somebody else's.\n"})
    write(root, {"CHANGES.md": f"See {where.format(tmp_path)}\n", "pyproject.toml": pyproject})
    (root / "docs").mkdir()
    (root / "docs/changes.md").symlink_to("../../outside/CHANGELOG.md")
    assert read_project(root).changelog == "CHANGES.md"


UNRELEASED_BELOW = """\
Version 1.3.0
-------------

Unreleased

-   New.

Version 1.2.0
-------------

Released 2026-01-10

-   Speed.
"""
BELOW = {
    "Unreleased, in reStructuredText": (
        "CHANGES.rst",
        UNRELEASED_BELOW,
        "Version 1.3.0\n-------------\n\nReleased 2026-02-03\n\n-   New.",
    ),
    "a date to come": (
        "CHANGELOG.md",
        "## 1.3.0\n\n*XXXX-XX-XX*\n\n- New.\n\n## 1.2.0\n\n*2026-01-10*\n\n- Speed.\n",
        "## 1.3.0\n\n*2026-02-03*\n\n- New.",
    ),
    "a word in italics": (
        "CHANGELOG.md",
        "## 1.3.0\n*unreleased*\n\n- New.\n\n## 1.2.0\n*2026-01-10*\n\n- Speed.\n",
        "## 1.3.0\n*2026-02-03*\n\n- New.",
    ),
    "below Unreleased": (
        "CHANGELOG.md",
        "# Log\n\n## Unreleased\n\n- New.\n\n## 1.2.0\n*2026-01-10*\n\n- Speed.\n",
        "## Unreleased\n\n## 1.3.0\n*2026-02-03*\n\n- New.",
    ),
    "written out": (
        "CHANGELOG.md",
        "# Log\n\n## Unreleased\n\n- New.\n\n## 1.2.0\n\nRelease date: 2026-01-10\n\n- Speed.\n",
        "## 1.3.0\n\nRelease date: 2026-02-03\n\n- New.",
    ),
    "a label in bold": (
        "CHANGELOG.md",
        "## 1.3.0\n\n**Released:** unreleased\n\n- New.\n\n## 1.2.0\n\n**Released:** 2026-01-10\n",
        "## 1.3.0\n\n**Released:** 2026-02-03\n\n- New.",
    ),
    "a field, in reStructuredText": (
        "CHANGES.rst",
        "1.3.0\n-----\n\n:Date: TBD\n\n- New.\n\n1.2.0\n-----\n\n:Date: 2026-01-10\n\n- Speed.\n",
        "1.3.0\n-----\n\n:Date: 2026-02-03\n\n- New.",
    ),
    "a word beside another form": (
        "CHANGELOG.md",
        "## 1.3.0\n\nUnreleased\n\n- New.\n\n## 1.2.0\n\n_2026-01-10_\n\n- Speed.\n",
        "## 1.3.0\n\n_2026-02-03_\n\n- New.",
    ),
}

COMING = {
    "on top": "# 1.3.0 (Unreleased)\n\n{kinds}\n# 1.2.0 (2026-01-10)\n\n{kinds}",
    "below a title": "# Log\n\n## 1.3.0 - *unreleased*\n\n#{kinds}\n## 1.2.0\n\n#{kinds}",
    "in brackets": "# Log\n\n## [1.3.0] - TBD\n\n#{kinds}\n## [1.2.0] - 2026-01-10\n\n#{kinds}",
    "of no version": "# Log\n\n## Unreleased\n\n#{kinds}\n## 1.2.0 - 2026-01-10\n\n#{kinds}",
}


@pytest.mark.parametrize("kind", ["Development", "Upcoming changes", "Next"])
@pytest.mark.parametrize("text", COMING.values(), ids=COMING)
def test_a_subsection_is_never_an_unreleased_section(text: str, kind: str) -> None:
    text = text.format(kinds=f"## {kind}\n\n- New.\n")
    made = released(text)
    names = [section.name for section in read(made, "CHANGELOG.md").sections]
    assert [name for name in names if name != "Unreleased"] == ["1.3.0", "1.2.0"]
    assert names.count("Unreleased") == ("of no version" in text or "Unreleased\n" in text)
    body = entry(made, "CHANGELOG.md", Version("1.3.0"))
    assert body is not None
    assert body.split("\n")[0].lstrip("# ") == kind


WRITTEN_BY = {
    "semantic-release": "# Log\n\n<!-- version list -->\n\n## v1.2.0 (2026-01-10)\n\n- Speed.\n",
    "towncrier": "# Log\n\n<!-- towncrier release notes start -->\n\n## 1.2.0\n\n- Speed.\n",
    "scriv": "# Log\n\n<!-- scriv-insert-here -->\n\n## 1.2.0 — 2026-01-10\n\n- Speed.\n",
}


@pytest.mark.parametrize("tool", WRITTEN_BY)
def test_what_a_tool_writes_is_left_to_it_unless_notes_say_it(tool: str) -> None:
    text = WRITTEN_BY[tool]
    with pytest.raises(ConfigurationError, match=f"{tool} writes it") as caught:
        released(text)
    assert "--notes FILE" in str(caught.value.problems[0].remedy)
    wish = Release("1.3.0", DAY, "v1.3.0", "v1.2.0", (), None, "- New.")
    made = with_release(text, "CHANGELOG.md", wish)
    head, mark, below = made.partition("-->")
    assert mark
    assert "1.3.0" in below.partition("1.2.0")[0]
    assert head == text.partition("-->")[0]


def test_a_mark_does_not_speak_over_a_written_unreleased_section() -> None:
    text = WRITTEN_BY["semantic-release"].replace("## v1", "## Unreleased\n\n- New.\n\n## v1", 1)
    assert "## v1.3.0 (2026-02-03)\n\n- New." in released(text)


@pytest.mark.parametrize(("path", "text", "wanted"), BELOW.values(), ids=BELOW)
def test_a_date_below_the_heading_is_that_of_the_release(path: str, text: str, wanted: str) -> None:
    made = released(text, path)
    assert wanted in made
    assert released(made, path) == made
    body = entry(made, path, Version("1.3.0"))
    assert body is not None
    assert body.split() == ["-", "New."]


def test_a_section_that_says_below_that_it_is_not_released_is_not() -> None:
    path, text, _ = BELOW["Unreleased, in reStructuredText"]
    log = read(text, path)
    assert judge_presence(log, Version("1.3.0"), None).defects
    assert not judge_presence(log, Version("1.3.0"), Level.MINOR).defects
    assert log.sections[0].concrete
    assert not read(text.replace("-   New.\n", ""), path).sections[0].concrete


AZURE = "https://dev.azure.com/org/proj/_git/repo"
SERVER = "https://git.example.org/projects/P/repos/r/compare/diff"
LINKED = """\
# Changelog

## [Unreleased]

- New.

## [1.2.0] - 2026-01-10

- Speed.

[Unreleased]: {unreleased}
[1.2.0]: {last}
"""


@pytest.mark.parametrize(
    ("unreleased", "last", "wanted"),
    [
        (
            f"{AZURE}/branchCompare?baseVersion=GTv1.2.0&targetVersion=GBmain",
            f"{AZURE}/branchCompare?baseVersion=GTv1.1.0&targetVersion=GTv1.2.0",
            (
                f"{AZURE}/branchCompare?baseVersion=GTv1.3.0&targetVersion=GBmain",
                f"{AZURE}/branchCompare?baseVersion=GTv1.2.0&targetVersion=GTv1.3.0",
            ),
        ),
        (
            "https://codeberg.org/o/r/compare/v1.2.0...main",
            "https://codeberg.org/o/r/compare/v1.1.0...v1.2.0",
            (
                "https://codeberg.org/o/r/compare/v1.3.0...main",
                "https://codeberg.org/o/r/compare/v1.2.0...v1.3.0",
            ),
        ),
        (
            "https://github.com/o/r/commits/main",
            "https://github.com/o/r/releases/tag/v1.2.0",
            (
                "https://github.com/o/r/commits/main",
                "https://github.com/o/r/releases/tag/v1.3.0",
            ),
        ),
        (
            "https://gitlab.com/o/r/-/commits/main",
            "https://gitlab.com/o/r/-/compare/v1.1.0...v1.2.0",
            (
                "https://gitlab.com/o/r/-/commits/main",
                "https://gitlab.com/o/r/-/compare/v1.2.0...v1.3.0",
            ),
        ),
        (
            "https://codeberg.org/o/r/commits/branch/main",
            "https://codeberg.org/o/r/src/tag/v1.2.0",
            (
                "https://codeberg.org/o/r/commits/branch/main",
                "https://codeberg.org/o/r/src/tag/v1.3.0",
            ),
        ),
        (
            "https://gitlab.com/o/r/-/compare/v1.2.0...main",
            "https://gitlab.com/o/r/-/tags/v1.2.0",
            (
                "https://gitlab.com/o/r/-/compare/v1.3.0...main",
                "https://gitlab.com/o/r/-/compare/v1.2.0...v1.3.0",
            ),
        ),
        (
            "https://bitbucket.org/o/r/branches/compare/main%0Dv1.2.0",
            "https://bitbucket.org/o/r/branches/compare/v1.2.0%0Dv1.1.0",
            (
                "https://bitbucket.org/o/r/branches/compare/main%0Dv1.3.0",
                "https://bitbucket.org/o/r/branches/compare/v1.3.0%0Dv1.2.0",
            ),
        ),
        (
            "https://bitbucket.org/o/r/compare/main..v1.2.0#diff",
            "https://bitbucket.org/o/r/compare/v1.2.0..v1.1.0#diff",
            (
                "https://bitbucket.org/o/r/compare/main..v1.3.0#diff",
                "https://bitbucket.org/o/r/compare/v1.3.0..v1.2.0#diff",
            ),
        ),
        (
            f"{SERVER}?targetBranch=refs%2Ftags%2Fv1.2.0&sourceBranch=refs%2Fheads%2Fmain",
            f"{SERVER}?targetBranch=refs%2Ftags%2Fv1.1.0&sourceBranch=refs%2Ftags%2Fv1.2.0",
            (
                f"{SERVER}?targetBranch=refs%2Ftags%2Fv1.3.0&sourceBranch=refs%2Fheads%2Fmain",
                f"{SERVER}?targetBranch=refs%2Ftags%2Fv1.2.0&sourceBranch=refs%2Ftags%2Fv1.3.0",
            ),
        ),
        (
            "https://git.sr.ht/~o/r/log/main",
            "https://git.sr.ht/~o/r/refs/v1.2.0",
            ("https://git.sr.ht/~o/r/log/main", "https://git.sr.ht/~o/r/refs/v1.3.0"),
        ),
    ],
)
def test_links_of_a_forge_follow(unreleased: str, last: str, wanted: tuple[str, str]) -> None:
    made = released(LINKED.format(unreleased=unreleased, last=last))
    assert f"[Unreleased]: {wanted[0]}\n[1.3.0]: {wanted[1]}\n[1.2.0]: {last}\n" in made


def test_a_first_release_on_azure_shows_its_tag() -> None:
    text = LINKED.format(
        unreleased=f"{AZURE}/branchCompare?baseVersion=GTx&targetVersion=GBmain", last=""
    )
    text = text.replace("[1.2.0]: \n", "").replace("## [1.2.0] - 2026-01-10\n\n- Speed.\n", "")
    assert f"[1.3.0]: {AZURE}?version=GTv1.3.0\n" in released(text, previous=None)


def test_links_of_unknown_form_are_named_with_their_lines() -> None:
    text = LINKED.format(
        unreleased="https://git.example.org/log?a=v1", last="https://git.example.org/x"
    )
    with pytest.raises(ConfigurationError) as caught:
        released(text)
    assert [finding.line for finding in caught.value.problems] == [11, 12]
    assert "not understood" in caught.value.problems[0].message


EMPTY = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-10\n\n- Speed.\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (EMPTY, "nothing is written down for 1.3.0: Unreleased holds no change"),
        (EMPTY.replace("## [Unreleased]\n\n", ""), "nothing is written down for 1.3.0"),
        ("# Changelog\n\nAll changes are here.\n", "nothing is written down for 1.3.0"),
        (EMPTY.replace("[Unreleased]\n", "[Unreleased]\n\n- TODO\n"), "Unreleased holds no change"),
    ],
)
def test_a_release_without_a_word_is_refused_with_the_way_to_say_one(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        released(text)
    (problem,) = caught.value.problems
    assert said in problem.message
    assert "--notes FILE" in str(problem.remedy)
    wish = Release("1.3.0", DAY, "v1.3.0", "v1.2.0", (), None, "- New.")
    assert "1.3.0" in with_release(text, "CHANGELOG.md", wish)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("# Log\n\n## Unreleased\n\n- A first thing.\n", "let bump make it of Unreleased"),
        ("# Log\n\n## Unreleased\n", "--notes FILE"),
        ("# Log\n\nAll changes are here.\n", "--notes FILE"),
    ],
)
def test_the_first_release_is_told_how_its_section_is_written(text: str, remedy: str) -> None:
    (found,) = judge_presence(read(text, "CHANGELOG.md"), Version("0.1.0"), None).defects
    assert found.message == "there is no section for 0.1.0"
    assert remedy in str(found.remedy)
