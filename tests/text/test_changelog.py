"""Changelogs: read as they are in the field, and edited without touching anything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release.errors import ConfigurationError
from release.text.changelog import (
    Release,
    entry,
    kind_name,
    named_version,
    read_link,
    with_release,
)
from release.text.plain_language import advertising, is_placeholder, prose
from release.text.sections import read, read_title

KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
DAY = date(2026, 6, 1)
RELEASE = Release("1.2.0", DAY, "v1.2.0", "v1.1.0", KINDS, None, None)
COMPARE = "https://example.org/a/b/compare"


def released(text: str, path: str = "CHANGELOG.md", **changes: object) -> str:
    return with_release(text, path, replace(RELEASE, **changes))  # type: ignore[arg-type]


def refused(text: str, path: str = "CHANGELOG.md", **changes: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        released(text, path, **changes)
    assert all(problem.remedy for problem in caught.value.problems)
    return str(caught.value)


class TestKeepAChangelog:
    def test_what_is_unreleased_becomes_the_release_and_the_links_follow(self) -> None:
        before = f"""\
# Changelog

## [Unreleased]

### Added

- A command.

### Removed

### Fixed

- A crash.

## [1.1.0] — 2026-01-31

- Older.

[unreleased]: {COMPARE}/v1.1.0...HEAD
[1.1.0]: {COMPARE}/v1.0.0...v1.1.0
[1.0.0]: https://example.org/a/b/releases/tag/v1.0.0
"""
        after = f"""\
# Changelog

## [Unreleased]

## [1.2.0] — 2026-06-01

### Added

- A command.

### Fixed

- A crash.

## [1.1.0] — 2026-01-31

- Older.

[unreleased]: {COMPARE}/v1.2.0...HEAD
[1.2.0]: {COMPARE}/v1.1.0...v1.2.0
[1.1.0]: {COMPARE}/v1.0.0...v1.1.0
[1.0.0]: https://example.org/a/b/releases/tag/v1.0.0
"""
        assert released(before) == after
        assert released(after) == after
        assert entry(after, "CHANGELOG.md", Version("1.2")) == (
            "### Added\n\n- A command.\n\n### Fixed\n\n- A crash."
        )

    @pytest.mark.parametrize(
        ("last", "new"),
        [
            ("## [1.1.0] - 2026-01-31", "## [1.2.0] - 2026-06-01"),
            ("## [1.1.0] — 2026-01-31", "## [1.2.0] — 2026-06-01"),
            ("## [1.1.0] – 2026-01-31", "## [1.2.0] – 2026-06-01"),
            ("## 1.1.0 (2026-01-31)", "## 1.2.0 (2026-06-01)"),
            ("## v1.1.0 (6th December, 2025)", "## v1.2.0 (2026-06-01)"),
            ("## [v1.1.0] 2026-01-31", "## [v1.2.0] 2026-06-01"),
            ("## Version 1.1.0", "## Version 1.2.0"),
            ("## small-thing 1.1.0 (2026-01-31)", "## small-thing 1.2.0 (2026-06-01)"),
            ("## **1.1.0** *(2026-01-31)*", "## **1.2.0** *(2026-06-01)*"),
            ("## 1.1.0 - 2026-01-31 ##", "## 1.2.0 - 2026-06-01 ##"),
            (
                "## [1.1.0](https://example.org/a/b/compare/v1.0.0...v1.1.0) - 2026-01-31",
                "## [1.2.0](https://example.org/a/b/compare/v1.1.0...v1.2.0) - 2026-06-01",
            ),
            (
                "## [1.1.0](https://example.org/a/b/tree/v1.1.0) - 2026-01-31",
                "## [1.2.0](https://example.org/a/b/tree/v1.2.0) - 2026-06-01",
            ),
            (
                "## [1.1.0](https://example.org/project/b/1.1.0/) - 2026-01-31",
                "## [1.2.0](https://example.org/project/b/1.2.0/) - 2026-06-01",
            ),
            ("## [1.1.0][v1.1.0] - 2026-01-31", "## [1.2.0][v1.2.0] - 2026-06-01"),
        ],
    )
    def test_the_heading_is_like_that_of_the_last_section(self, last: str, new: str) -> None:
        before = f"# Changelog\n\n## Unreleased\n\n- New.\n\n{last}\n\n- Old.\n"
        assert released(before) == before.replace("Unreleased\n", f"Unreleased\n\n{new}\n")

    def test_the_last_section_without_a_title_of_its_own_is_followed(self) -> None:
        before = (
            "## Unreleased\n\n- New.\n\n## 1.1.0 - 2026-01-31 [YANKED]\n\n## 1.0.0 (2026-01-01)\n"
        )
        assert "## 1.2.0 (2026-06-01)" in released(before)

    def test_the_settings_say_how_a_heading_reads(self) -> None:
        before = "## [Unreleased]\n\n- New.\n"
        after = released(before, heading="Release {version} on {date}")
        assert "\n## Release 1.2.0 on 2026-06-01\n" in after
        assert "would not be understood" in refused(before, heading="Summer {date}")

    def test_the_first_release_follows_unreleased(self) -> None:
        assert released("## [Unreleased]\n- New.", previous_tag=None) == (
            "## [Unreleased]\n\n## [1.2.0] - 2026-06-01\n- New."
        )
        assert "\n## 1.2.0 - 2026-06-01\n" in released("## Unreleased\n- New.")

    @pytest.mark.parametrize(
        ("link", "new", "first"),
        [
            (
                "https://github.com/a/b/compare/main...HEAD",
                "https://github.com/a/b/compare/v1.2.0...HEAD",
                "https://github.com/a/b/releases/tag/v1.2.0",
            ),
            (
                "https://gitlab.com/a/b/-/compare/main...HEAD",
                "https://gitlab.com/a/b/-/compare/v1.2.0...HEAD",
                "https://gitlab.com/a/b/-/tags/v1.2.0",
            ),
            (
                "https://github.com/a/b/commits/main",
                "https://github.com/a/b/commits/main",
                "https://github.com/a/b/releases/tag/v1.2.0",
            ),
        ],
    )
    def test_the_first_release_links_to_its_tag(self, link: str, new: str, first: str) -> None:
        before = f"## [Unreleased]\n\n- New.\n\n[Unreleased]: {link}"
        after = released(before, previous_tag=None)
        assert after.endswith(f"- New.\n\n[Unreleased]: {new}\n[1.2.0]: {first}")

    def test_links_that_show_tags_stay_that_kind(self) -> None:
        tags = "https://example.org/a/b/releases/tag"
        before = (
            "## [Unreleased]\n\n- New.\n\n## [1.1.0] - 2026-01-31\n\n## [1.0.0] - 2026-01-01\n\n"
            f"[Unreleased]: {COMPARE}/v1.0.0...HEAD\n"
            f"[1.1.0]:   <{tags}/v1.1.0>\n[1.0.0]: {tags}/v1.0.0\n"
        )
        after = released(before)
        assert f"compare/v1.2.0...HEAD\n[1.2.0]:   <{tags}/v1.2.0>\n[1.1.0]:" in after

    def test_a_blank_line_between_links_is_kept(self) -> None:
        before = (
            "## [Unreleased]\n- New.\n## [1.1.0]\n\n"
            f"[Unreleased]: {COMPARE}/v1.1.0..HEAD\n\n[1.1.0]: {COMPARE}/v1.0.0..v1.1.0\n"
        )
        assert released(before).endswith(
            f"[Unreleased]: {COMPARE}/v1.2.0..HEAD\n\n[1.2.0]: {COMPARE}/v1.1.0..v1.2.0\n\n"
            f"[1.1.0]: {COMPARE}/v1.0.0..v1.1.0\n"
        )

    def test_without_an_unreleased_link_the_new_one_goes_above_the_last(self) -> None:
        before = f"## [1.1.0] - 2026-01-31\n\n[1.1.0]: {COMPARE}/v1.0.0...v1.1.0\n"
        assert released(before, notes="- New.").endswith(
            f"[1.2.0]: {COMPARE}/v1.1.0...v1.2.0\n[1.1.0]: {COMPARE}/v1.0.0...v1.1.0\n"
        )

    def test_newer_first_is_the_order_of_bitbuckets_links(self) -> None:
        root = "https://bitbucket.org/a/b/branches/compare"
        before = (
            f"## [Unreleased]\n- New.\n## [1.1.0]\n\n[Unreleased]: {root}/HEAD..v1.1.0\n"
            f"[1.1.0]: {root}/v1.1.0..v1.0.0\n"
        )
        assert f"{root}/HEAD..v1.2.0\n[1.2.0]: {root}/v1.2.0..v1.1.0\n" in released(before)

    def test_no_links_are_added_where_there_are_none(self) -> None:
        assert "]:" not in released("## [Unreleased]\n- New.\n## [1.1.0] - 2026-01-31\n")

    def test_links_in_the_heading_of_unreleased_follow_too(self) -> None:
        before = f"## [Unreleased]({COMPARE}/v1.1.0...HEAD)\n\n- New.\n\n## 1.1.0\n"
        assert released(before).startswith(f"## [Unreleased]({COMPARE}/v1.2.0...HEAD)\n\n## 1.2.0")

    def test_hints_for_those_who_write_stay_in_unreleased(self) -> None:
        before = "## Unreleased\n\n<!-- one bullet\n## each -->\n\n- New.\n\n## 1.1.0\n"
        assert released(before).startswith(
            "## Unreleased\n\n<!-- one bullet\n## each -->\n\n## 1.2.0\n\n- New."
        )

    def test_rules_and_blank_lines_between_sections_are_followed(self) -> None:
        before = "# C\n\n---\n\n## Unreleased\n\n- New.\n\n---\n\n## 1.1.0\n\n- Old.\n"
        assert "## Unreleased\n\n---\n\n## 1.2.0\n\n- New.\n\n---\n\n## 1.1.0" in released(before)
        before = "## Unreleased\n\n\n## 1.1.0\n\n- Old.\n\n\n## 1.0.0\n"
        assert "## Unreleased\n\n\n## 1.2.0\n\n- x\n\n\n## 1.1.0" in released(before, notes="- x")

    def test_anchors_follow(self) -> None:
        before = (
            '<a id="unreleased"></a>\n## Unreleased\n\n- New.\n\n<a id="v1-1-0"></a>\n## 1.1.0\n'
        )
        after = released(before)
        assert '## Unreleased\n\n<a id="v1-2-0"></a>\n## 1.2.0\n\n- New.' in after
        assert "anchor above 1.1.0 is not supported" in refused(before.replace("v1-1-0", "last"))


class TestNotes:
    LAST = "# Changelog\n\n## [1.1.0] — 2026-01-31\n\n- Old.\n"

    def test_a_section_is_written_in_the_order_of_the_kinds(self) -> None:
        notes = "## Fixed\n\n- A crash.\n\n## Schema migrations\n- v2.\n# odd\n"
        notes = notes.replace(
            "# odd\n", "## Validated\n- By hand.\n## Added\n### Deep\n- A gate.\n"
        )
        after = released(self.LAST, notes=notes)
        assert after == self.LAST.replace(
            "## [1.1.0]",
            "## [1.2.0] — 2026-06-01\n\n### Added\n\n#### Deep\n- A gate.\n\n### Fixed\n\n"
            "- A crash.\n\n### Validated\n\n- By hand.\n\n### Schema migrations\n\n- v2.\n\n"
            "## [1.1.0]",
        )
        assert released(after, notes=notes) == after

    def test_a_title_above_the_notes_is_left_out(self) -> None:
        after = released(self.LAST, notes="# What is new\n\n## Added\n\n- A gate.\n")
        assert "What is new" not in after
        assert "— 2026-06-01\n\n### Added\n\n- A gate.\n\n## [1.1.0]" in after

    def test_an_empty_unreleased_section_stays_above(self) -> None:
        before = "## Unreleased\n\n(empty — see [1.1.0] below.)\n\n## 1.1.0\n"
        assert released(before, notes="- New.") == before.replace(
            "## 1.1.0", "## 1.2.0\n\n- New.\n\n## 1.1.0"
        )

    def test_notes_are_added_to_their_kinds(self) -> None:
        before = "## Unreleased\n\n### Added\n\n- A.\n\n### Odd\n\nProse.\n\n## 1.1.0\n"
        notes = "### Odd\n- O.\n### Fixed\n- F.\n### Added\n- B.\n### Strange\n- S.\n"
        assert entry(released(before, notes=notes), "CHANGELOG.md", Version("1.2.0")) == (
            "### Added\n\n- A.\n- B.\n\n### Fixed\n\n- F.\n\n### Odd\n\nProse.\n\n- O.\n\n"
            "### Strange\n\n- S."
        )

    def test_notes_without_kinds_stand_above_them(self) -> None:
        before = "## Unreleased\n\n### Added\n\n- A.\n\n## 1.1.0\n"
        after = released(before, notes="- Plain.")
        assert "## 1.2.0\n\n- Plain.\n\n### Added\n\n- A.\n\n## 1.1.0" in after

    @pytest.mark.parametrize("text", ["", "# Changelog", "# Changelog\n", "\ufeff# Changelog\r\n"])
    def test_a_changelog_without_sections_gets_its_first(self, text: str) -> None:
        after = released(text, notes="- New.", previous_tag=None)
        end = "\r\n" if "\r\n" in text else "\n"
        assert after.startswith(text)
        assert after.endswith(end) is (text.endswith("\n") or not text)
        assert after.strip().endswith(f"## 1.2.0 - 2026-06-01{end}{end}- New.")

    def test_notes_that_would_garble_the_changelog_are_refused(self) -> None:
        assert "never closed" in refused(self.LAST, notes="```\n- New.")
        assert "never closed" in refused(self.LAST, notes="<!-- New.")
        assert "is that of a release" in refused(self.LAST, notes="## 1.2.0\n- New.")
        assert "the notes:3" in refused(self.LAST, notes="- New.\n\n# Unreleased\n")

    @pytest.mark.parametrize("notes", [None, "", "  \n", "TODO", "## Added\n\n## Fixed\n\nTBD\n"])
    def test_a_release_of_nothing_is_refused(self, notes: str | None) -> None:
        said = refused(self.LAST, notes=notes)
        assert "nothing is written down for 1.2.0" in said
        assert "--notes FILE" in said

    def test_fragments_are_left_to_their_tool(self) -> None:
        before = "<!-- towncrier release notes start -->\n\n## 1.1.0 (2026-01-31)\n"
        assert "towncrier writes it" in refused(before)


class TestWrittenInAdvance:
    @pytest.mark.parametrize(
        ("heading", "after"),
        [
            ("## [1.2.0] — 2026-06-01", "## [1.2.0] — 2026-06-01"),
            ("## [1.2.0] — 2026-05-01", "## [1.2.0] — 2026-06-01"),
            ("## [1.2.0] — unreleased", "## [1.2.0] — 2026-06-01"),
            ("## [1.2.0] — YYYY-MM-DD", "## [1.2.0] — 2026-06-01"),
            ("## 1.2.0 (unreleased)", "## 1.2.0 (2026-06-01)"),
            ("## v1.2.0 (1st May, 2026)", "## v1.2.0 (2026-06-01)"),
            ("## [1.2.0]", "## [1.2.0] — 2026-06-01"),
            ("## Unreleased — v1.2.0", "## [1.2.0] — 2026-06-01"),
            ("## [1.2] - 2026-05-01 - Spring", "## [1.2] - 2026-06-01 - Spring"),
        ],
    )
    def test_only_the_date_is_set(self, heading: str, after: str) -> None:
        before = (
            f"# C\n\n{heading}\n\n- New.\n\n## [1.1.0] — 2026-01-31\n\n"
            f"[Unreleased]: {COMPARE}/v1.0.0...HEAD\n"
        )
        assert released(before) == before.replace(heading, after)
        assert released(released(before)) == released(before)

    def test_where_headings_have_no_dates_none_is_written(self) -> None:
        before = "## v1.2.0 — Title\n\n- New.\n\n## v1.1.0 — Other title\n"
        assert released(before) == before
        ahead = before.replace("## v1.2.0", "## Unreleased — v1.2.0")
        assert released(ahead) == before

    def test_an_unreleased_section_beside_it_is_left_alone(self) -> None:
        before = "## Unreleased\n\n- Later.\n\n## 1.2.0 - 2026-06-01\n\n- New.\n"
        assert released(before) == before

    def test_notes_that_it_does_not_say_are_refused(self) -> None:
        before = "## 1.2.0 - 2026-06-01\n\n- New.\n"
        assert released(before, notes="- New.") == before
        assert "is there already, without '- Newer.'" in refused(before, notes="- Newer.")

    def test_a_title_in_the_place_of_the_date_is_refused(self) -> None:
        before = "## 1.2.0 - Title\n\n- New.\n\n## 1.1.0 - 2026-01-31\n"
        assert "other words where the date belongs" in refused(before)


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("## Unreleased\n- a\n## [unreleased]\n- b\n", "3: a second section for Unreleased"),
            ("## 1.2.0\n- a\n## [v1.2]\n- b\n", "3: a second section for 1.2"),
            ("## 1.2.1 (unreleased)\n- a\n## 1.1.0 (2026-01-01)\n", "is meant for 1.2.1"),
            ("## Unreleased — v1.3\n- a\n", "is meant for 1.3"),
            ("## Unreleased — the big one\n- a\n", "is not supported"),
            ("## Unreleased - 2026-05-05\n- a\n", "is not supported"),
            ("## Unreleased\n- a\n## 2.0.0\n", "begins with 2.0.0, which is above 1.2.0"),
            ("## 1.1.0\n- b\n## Unreleased\n- a\n", "stands below that of 1.1.0"),
            ("# C\n\n## Spring release\n- a\n", "no heading in it is understood"),
            ("## Unreleased\n- a\n```\n## 1.1.0\n", "3: a code block begins here"),
            ("## Unreleased\n- a\n## 1.1.0 - Title\n", "has words of its own"),
            ("## Unreleased\n- a\n## [1.1.0](x) - 2026-01-01\n", "link in the heading"),
        ],
    )
    def test_what_is_not_understood_is_not_guessed(self, text: str, said: str) -> None:
        assert said in refused(text)

    def test_a_version_that_is_none_is_refused(self) -> None:
        assert "not a version by PEP 440" in refused("## Unreleased\n- a\n", version="1.x")


class TestRestructuredText:
    def test_unreleased_is_moved_and_the_underline_follows(self) -> None:
        before = (
            "Changelog\n=========\n\nUnreleased\n----------\n\nAdded\n.....\n\n- New.\n\n"
            "1.1.0 (2026-01-31)\n------------------\n\n- Old.\n"
        )
        assert released(before, "CHANGELOG.rst") == before.replace(
            "Unreleased\n----------\n",
            "Unreleased\n----------\n\n1.2.0 (2026-06-01)\n------------------\n",
        )

    def test_overlines_and_labels_follow(self) -> None:
        before = (
            "############\n Unreleased\n############\n\n- New.\n\n.. _v1.1.0:\n\n"
            "####################\n 1.1.0 (2026-01-31)\n####################\n\n- Old.\n"
        )
        assert (
            "############\n\n.. _v1.2.0:\n\n####################\n 1.2.0 (2026-06-01)\n"
            "####################\n\n- New."
        ) in released(before, "CHANGES.rst")

    def test_the_underline_of_a_dated_section_follows(self) -> None:
        before = "1.2.0 (TBD)\n-----------\n\n- New.\n"
        assert released(before, "CHANGES") == before.replace(
            "1.2.0 (TBD)\n-----------", "1.2.0 (2026-06-01)\n------------------"
        )

    def test_more_than_that_is_refused(self) -> None:
        before = "Unreleased\n----------\n\n- New.\n"
        assert "Markdown are not supported" in refused(before, "C.rst", notes="- x")
        linked = before + f"\n.. _Unreleased: {COMPARE}/v1.1.0...HEAD\n"
        assert "comparison are not supported" in refused(linked, "C.rst")

    def test_comments_and_indented_text_hold_no_titles(self) -> None:
        text = "..\n   1.3.0\n   -----\n\n1.2.0\n-----\n\n::\n\n    1.1.0\n    -----\n\n- a\n"
        assert [section.name for section in read(text, "C.rst").sections] == ["1.2.0"]

    def test_a_mark_and_a_rule_end_the_entry(self) -> None:
        text = "1.2.0\n-----\n\n- a\n\n.. insert-here\n\n.. _old:\n\n1.1.0\n-----\n\n- b\n"
        assert entry(text, "C.rst", Version("1.2.0")) == "- a"


class TestReading:
    @pytest.mark.parametrize(
        "hidden",
        [
            "```\n## 9.0.0\n```",
            "~~~ md\n## 9.0.0\n```\n~~~",
            "````\n```\n## 9.0.0\n````",
            "   ```\n   ## 9.0.0\n   ```",
            "- item\n\n  ```\n  ## 9.0.0\n  ```",
            "- ```\n  ## 9.0.0\n  ```",
            "1. item\n   ```\n   ## 9.0.0\n   ```",
            "<!--\n## 9.0.0\n-->",
            "<!-- a\n\n## 9.0.0 -->",
            "<pre>\n## 9.0.0\n</pre>",
            "    ## 9.0.0",
            "\t## 9.0.0",
            "text\n    ## 9.0.0",
            "##9.0.0",
            "####### 9.0.0",
            "`## 9.0.0`",
        ],
    )
    def test_code_and_comments_hold_no_headings(self, hidden: str) -> None:
        text = f"# C\n\n## 1.1.0\n\n{hidden}\n\n## 1.0.0\n\n- b\n"
        for spelled in (text, text.replace("\n", "\r\n")):
            log = read(spelled, "CHANGELOG.md")
            assert [section.name for section in log.sections] == ["1.1.0", "1.0.0"]
            assert not log.text.problems

    def test_a_fence_ends_with_the_list_item_that_it_stands_in(self) -> None:
        text = "## 1.1.0\n\n- item\n  ```\n  never closed\n\n## 1.0.0\n\n- b\n"
        assert len(read(text, "CHANGELOG.md").sections) == 2

    @pytest.mark.parametrize(
        ("title", "version", "day"),
        [
            ("[1.2.0] - 2026-01-31", "1.2.0", "2026-01-31"),
            ("v0.9.0-rc1 / 2026-01-31", "0.9.0rc1", "2026-01-31"),
            ("1.2.0 (31 January 2026)", "1.2.0", None),
            ("Release 1.2.0 - Released on 2026-01-31", "1.2.0", "2026-01-31"),
            ("[1.2.0] - 2026-01-31 [YANKED]", "1.2.0", "2026-01-31"),
            ("`1.2.0`", "1.2.0", None),
            ("1.2.0 — A title", "1.2.0", None),
            ("2026.1.2 - 2026-01-31", "2026.1.2", "2026-01-31"),
            ("1.2.0 - 2026-13-31", "1.2.0", None),
            ("v7", "7", None),
            ("[1.2.three] - 2026-01-31", None, "2026-01-31"),
        ],
    )
    def test_headings_of_releases_are_understood(
        self, title: str, version: str | None, day: str | None
    ) -> None:
        found = read_title(title)
        assert found is not None
        assert found.version == (Version(version) if version else None)
        assert found.date == (date.fromisoformat(day) if day else None)
        assert not found.unreleased

    @pytest.mark.parametrize(
        "title",
        ["[Unreleased]", "Unreleased", "UNRELEASED", "[Unreleased] - YYYY-MM-DD", "**Unreleased**",
         "Next release", "HEAD (unreleased)", "Unreleased changes", "[unreleased][]"],
    )  # fmt: skip
    def test_headings_of_what_is_not_released_are_understood(self, title: str) -> None:
        found = read_title(title)
        assert found is not None
        assert found.unreleased
        assert not found.spelling
        assert not found.rest

    @pytest.mark.parametrize(
        "title",
        ["Changelog", "Added", "3 bugs", "5 - things", "Python 3.13 support", "1.2 is out",
         "2026-01-31", "2.x", "[2.x]", "v2 API", "Next steps", "Unreleasedness", "Earlier",
         "1.2.0" * 90, ""],
    )  # fmt: skip
    def test_other_headings_are_no_sections(self, title: str) -> None:
        assert read_title(title) is None

    def test_sections_may_be_at_the_top_level_and_of_mixed_levels(self) -> None:
        text = "# [1.2.0] (2026-03-03)\n\n### Features\n\n* a\n\n## [1.1.1] (2026-02-02)\n\n* b\n"
        log = read(text, "CHANGELOG.md")
        assert [section.name for section in log.sections] == ["1.2.0", "1.1.1"]
        assert [kind.name for kind in log.sections[0].kinds] == ["Features"]
        after = released(text, version="1.3.0", notes="## Features\n* c\n")
        assert after.startswith("# [1.3.0] (2026-06-01)\n\n### Features\n\n* c\n\n# [1.2.0]")

    def test_numbers_below_a_section_are_no_sections(self) -> None:
        text = "## [1.2.0] - 2026-01-31\n\n### 3.13\n\n- a\n\n#### 2.0.0 - 2026-01-01\n\n- b\n"
        assert len(read(text, "CHANGELOG.md").sections) == 1

    def test_other_headings_of_that_level_end_a_section(self) -> None:
        text = "## 0.3.0\n\n- a\n\n## Earlier\n\nSee elsewhere.\n"
        assert entry(text, "CHANGELOG.md", Version("0.3.0")) == "- a"

    def test_bullets_have_what_is_below_them(self) -> None:
        text = (
            "## 1.0\n\nSome\nprose.\n\n- one\n  more\n\n  still\n  - nested\n* two\nlazy\n\n"
            "1. three\n\n   ```\n   - code\n   ```\n\nEnd.\n"
        )
        (kind,) = read(text, "CHANGELOG.md").sections[0].kinds
        assert [(bullet.text, bullet.line) for bullet in kind.bullets] == [
            ("one more still - nested", 6),
            ("two lazy", 11),
            ("three ``` - code ```", 14),
        ]
        assert kind.prose == ("Some prose.", "End.")

    def test_a_kind_with_a_comment_is_empty(self) -> None:
        text = "## 1.0\n\n### Added\n\n<!-- what? -->\n\n### Fixed\n\n#### API\n"
        assert [kind.empty for kind in read(text, "CHANGELOG.md").sections[0].kinds] == [True, True]

    def test_front_matter_is_no_heading(self) -> None:
        text = "---\ntitle: Changes\n---\n\n## 1.0\n\n- a\n"
        assert [heading.title for heading in read(text, "CHANGELOG.md").text.headings] == ["1.0"]

    def test_two_sections_of_a_version_have_no_entry(self) -> None:
        with pytest.raises(ConfigurationError, match=r"second section for 1\.0"):
            entry("## 1.0\n## 1.0\n", "CHANGELOG.md", Version("1.0"))

    def test_no_section_has_no_entry(self) -> None:
        assert entry("## 1.0\n", "CHANGELOG.md", Version("1.1")) is None

    def test_lines_are_those_of_line_feeds_only(self) -> None:
        text = "# C\x0c\u2028\r\n\r\n## 1.0\r\n"
        assert read(text, "CHANGELOG.md").sections[0].line == 3

    def test_the_name_tells_the_markup_or_else_the_text(self) -> None:
        underlined = "Changes\n=======\n\n1.0\n---\n\n- a\n\n0.9\n---\n"
        assert read(underlined, "CHANGES").sections[0].name == "1.0"
        assert read(underlined, "CHANGES.md").sections[0].heading.level == 2
        assert read("## 1.0\n\n- a\n", "HISTORY.txt").text.markup == "markdown"


class TestLinks:
    def test_a_comparison_and_a_tag_are_told_apart(self) -> None:
        link = read_link(f"{COMPARE}/v1.0.0...v1.1.0?w=1#top")
        assert link is not None
        assert (link.base, link.head, link.dots, link.after) == (
            "v1.0.0",
            "v1.1.0",
            "...",
            "?w=1#top",
        )
        assert link.address("a", "b") == f"{COMPARE}/a...b?w=1#top"
        tag = read_link("https://example.org/a/-/tags/pkg%2Fv1.0")
        assert tag is not None
        assert (tag.base, tag.head) == (None, "pkg/v1.0")
        assert read_link("https://example.org/docs/1.0") is None

    @pytest.mark.parametrize(
        ("tag", "version"),
        [("v1.2.0", "1.2.0"), ("pkg@1.2.0", "1.2.0"), ("py3-thing-v1.2-rc1", "1.2rc1"),
         ("a/v2", "2"), ("HEAD", None), ("main", None), ("ac74f24", None)],
    )  # fmt: skip
    def test_tags_name_versions(self, tag: str, version: str | None) -> None:
        assert named_version(tag) == (Version(version) if version else None)

    def test_kinds_may_have_words_behind_them(self) -> None:
        assert kind_name("Added — two gates") == "Added"
        assert kind_name("**Fixed:** crashes") == "Fixed"
        assert kind_name("Schema migrations") == "Schema migrations"


class TestWords:
    @pytest.mark.parametrize(
        "text",
        ["", "...", "…", "-", "TODO", "todo.", "TBD", "n/a", "N/A", "**TBD**", "_None yet._",
         "Nothing changed yet.", "Nothing yet", "to be written", "TODO: describe it",
         "TODO write this", "(empty)",
         "(empty — see [1.1.0] below for the latest cut.)", "<describe the change here>",
         "No unreleased changes", "No changes yet.", "xxx"],
    )  # fmt: skip
    def test_placeholders_are_known(self, text: str) -> None:
        assert is_placeholder(text)

    @pytest.mark.parametrize(
        "text",
        ["A", "TODO lists are sorted", "(Empty names are refused now)", "None is accepted", "#123",
         "Nothing is written twice", "Describe how to install it", "Add a command",
         "Pending jobs are listed", "Empty lines are kept", "`...`-slices work"],
    )  # fmt: skip
    def test_sentences_are_no_placeholders(self, text: str) -> None:
        assert not is_placeholder(text)

    @pytest.mark.parametrize(
        "text",
        ["A revolutionary parser", "Blazing-fast", "now blazingly\n  fast", "Seamlessly works",
         "cutting edge", "World-class", "a game-changer", "next-generation", "effortless",
         "supercharged", "We are excited to announce"],
    )  # fmt: skip
    def test_advertising_is_known(self, text: str) -> None:
        assert len(list(advertising(text))) == 1

    @pytest.mark.parametrize(
        "text",
        ["seamlessness", "revolutions", "fast", "the next generation of ids is stored", "powerful",
         "next-generation sequencing", "unmatched brackets", "class of the world", "edge cutting"],
    )  # fmt: skip
    def test_plain_words_are_left_alone(self, text: str) -> None:
        assert list(advertising(text)) == []

    def test_words_are_added_and_allowed(self) -> None:
        text = "A seamlessly robust thing, robustly rock\n solid."
        assert [word for _, word in advertising(text, ["robust", "rock-solid"])] == [
            "seamlessly",
            "robust",
            "rock solid",
        ]
        assert list(advertising(text, allowed=["Seamless"])) == []

    def test_code_and_addresses_are_no_prose(self) -> None:
        text = "a `seamless` ``seam`less`` [x](http://seamless.org) <b class='seamless'> `open"
        shown = prose(text)
        assert len(shown) == len(text)
        assert "seamless" not in shown
        assert shown.endswith("`open")


WORDS = st.text("abcdefgh XYZ.,`*#_<>[]()é—\u2028\x0c", min_size=1, max_size=25).map(
    lambda text: f"k{text}k"
)


@dataclass(frozen=True)
class Generated:
    """A changelog, what its Unreleased section says of the kinds with content, and its style."""

    text: str
    body: str
    newline: str


@st.composite
def changelogs(draw: st.DrawFn) -> Generated:
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    style = draw(
        st.sampled_from(["[{}] - {}", "[{}] — {}", "{} ({})", "v{} – {}", "[v{}] - {}", "{} {}"])
    )
    names = draw(st.lists(st.sampled_from(KINDS), min_size=1, unique=True))
    filled = [draw(st.lists(WORDS, max_size=3)) for _ in names]
    if not any(filled):
        filled[0] = ["k"]
    body: list[str] = []
    kept: list[str] = []
    for name, bullets in zip(names, filled, strict=True):
        block = [
            f"### {name}",
            "",
            *(f"- {bullet}" for bullet in bullets),
            *([""] if bullets else []),
        ]
        body += block
        kept += block if bullets else []
    sections = []
    count = draw(st.integers(0, 3))
    for minor in range(count, 0, -1):
        heading = "## " + style.format(f"1.1.{minor}", f"2026-01-0{minor}")
        sections += [heading, "", f"- {draw(WORDS)}", ""]
    foot = []
    if draw(st.booleans()):
        foot.append(f"[Unreleased]: {COMPARE}/v1.1.0...HEAD")
        foot += [f"[1.1.{n}]: {COMPARE}/v1.1.{n - 1}...v1.1.{n}" for n in range(count, 0, -1)]
    lines = [
        "# Changelog",
        "",
        f"{draw(WORDS)}",
        "",
        "## [Unreleased]",
        "",
        *body,
        *sections,
        *foot,
    ]
    text = newline.join(lines)
    text = text.rstrip(newline) + (newline if draw(st.booleans()) else "")
    if draw(st.booleans()):
        text = "\ufeff" + text
    return Generated(text, "\n".join(kept).strip(), newline)


def kept_lines(text: str) -> list[str]:
    return text.split("\n")


def in_order(wanted: list[str], there: Iterator[str]) -> bool:
    return all(line in there for line in wanted)


class TestAnyChangelog:
    def test_mixed_line_ends_stay_and_new_lines_follow_the_line_above(self) -> None:
        before = (
            "\ufeff# C\r\n\n## [Unreleased]\r\n\n- a\x0c\u2028b \t\r\n"
            "\n## [1.1.0] - 2026-01-31\n- c\r\n"
            f"\n[unreleased]: {COMPARE}/v1.1.0...HEAD\n[1.1.0]: {COMPARE}/v1.0.0...v1.1.0\r\n"
        )
        after = (
            "\ufeff# C\r\n\n## [Unreleased]\r\n\r\n## [1.2.0] - 2026-06-01\r\n"
            "\n- a\x0c\u2028b \t\r\n"
            "\n## [1.1.0] - 2026-01-31\n- c\r\n"
            f"\n[unreleased]: {COMPARE}/v1.2.0...HEAD\n[1.2.0]: {COMPARE}/v1.1.0...v1.2.0\n"
            f"[1.1.0]: {COMPARE}/v1.0.0...v1.1.0\r\n"
        )
        assert released(before) == after

    @settings(max_examples=150, deadline=None)
    @given(changelogs())
    def test_the_entry_is_what_was_unreleased(self, generated: Generated) -> None:
        after = released(generated.text)
        assert entry(after, "CHANGELOG.md", Version("1.2.0")) == generated.body

    @settings(max_examples=150, deadline=None)
    @given(changelogs())
    def test_nothing_else_changes(self, generated: Generated) -> None:
        before, after = generated.text, released(generated.text)
        log = read(before, "CHANGELOG.md")
        unreleased = log.unreleased[0]
        assert after.startswith(before[: unreleased.heading.end])
        assert before[unreleased.end : log.foot] in after
        assert after.startswith("\ufeff") == before.startswith("\ufeff")
        assert after.endswith("\n") == before.endswith("\n")
        if generated.newline == "\r\n":
            assert after.count("\r\n") == after.count("\n")
        else:
            assert "\r" not in after
        empty = {f"### {kind.name}" for kind in unreleased.kinds if kind.empty}
        untouched = [
            line
            for line in kept_lines(before)
            if line.strip() and line.strip() not in empty and not line.startswith("[Unreleased]:")
        ]
        assert in_order(
            [line.rstrip("\r") for line in untouched],
            iter([line.rstrip("\r") for line in kept_lines(after)]),
        )

    @settings(max_examples=100, deadline=None)
    @given(changelogs())
    def test_twice_is_once_and_no_section_is_doubled(self, generated: Generated) -> None:
        after = released(generated.text)
        assert released(after) == after
        before = [section.name for section in read(generated.text, "CHANGELOG.md").sections]
        names = [section.name for section in read(after, "CHANGELOG.md").sections]
        assert names == [before[0], "1.2.0", *before[1:]]

    @settings(max_examples=100, deadline=None)
    @given(changelogs(), st.lists(st.sampled_from((*KINDS, "Odd")), min_size=1, unique=True))
    def test_notes_are_added_and_nothing_is_lost(
        self, generated: Generated, kinds: list[str]
    ) -> None:
        notes = "".join(f"### {kind}\n\n- note on {kind}\n\n" for kind in kinds)
        after = released(generated.text, notes=notes)
        said = entry(after, "CHANGELOG.md", Version("1.2.0")) or ""
        assert in_order(
            [line for line in generated.body.split("\n") if line], iter(said.split("\n"))
        )
        section = read(after, "CHANGELOG.md").of(Version("1.2.0"))[0]
        for kind in kinds:
            (found,) = [k for k in section.kinds if k.name == kind]
            assert [bullet.text for bullet in found.bullets].count(f"note on {kind}") == 1
        assert released(after, notes=notes) == after

    @settings(max_examples=200, deadline=None)
    @given(st.text("#-=~`<!>[]()*:. \t\r\n\ufeff1.20vUunreleasd", max_size=200))
    def test_any_text_is_read_edited_or_refused(self, text: str) -> None:
        for path in ("CHANGELOG.md", "CHANGES.rst", "NEWS"):
            log = read(text, path)
            for section in log.sections:
                assert section.start <= section.heading.start < section.heading.end
                assert section.heading.end <= section.content_end <= section.end <= len(text)
                assert "".join(kind.name for kind in section.kinds) is not None
            try:
                after = released(text, path, notes=None if path == "NEWS" else "- New.")
            except ConfigurationError:
                continue
            assert len(read(after, path).of(Version("1.2.0"))) == 1


@pytest.mark.slow
def test_every_section_is_found_by_its_version_in_linear_time() -> None:
    from release.text.sections import read

    log = read("".join(f"## 1.0.{number}\n\n- x\n\n" for number in range(10_000)), "CHANGELOG.md")
    assert all(log.of(version) for section in log.sections if (version := section.version))
