"""Changelogs: what is read of them, and what a release writes."""

from __future__ import annotations

from datetime import date

import pytest
from packaging.version import Version

from release.errors import ConfigurationError
from release.gates.changelog import judge_presence
from release.model import Level
from release.text.changelog import Release, entry, read, with_release

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
}


@pytest.mark.parametrize("text", OWN.values(), ids=OWN)
def test_a_changelog_that_begins_is_understood(text: str) -> None:
    assert read(text, "CHANGELOG.md").understood


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
}


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
