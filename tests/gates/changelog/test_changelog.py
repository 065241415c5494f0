"""changelog: does the release say what it brings, and do released sections stay as they were?"""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest
from packaging.version import Version

from release.gates.changelog import (
    judge_entry,
    judge_history,
    judge_language,
    judge_links,
    judge_structure,
)
from release.model import Evidence, Finding, Judgement, Level, Outcome, Status
from release.text.sections import read
from tests.support import PYPROJECT, Judge, commit, git, make_project, write

TODAY = date(2026, 6, 15)
KINDS = ("Added", "Changed", "Fixed")
COMPARE = "https://example.org/a/b/compare"
GOOD = f"""\
# Changelog

## [Unreleased]

## [1.2.3] - 2026-01-02

### Added

- A command.

### Fixed

- A crash.

## [1.2.2] - 2026-01-01

### Fixed

- An older crash.

[Unreleased]: {COMPARE}/v1.2.3...HEAD
[1.2.3]: {COMPARE}/v1.2.2...v1.2.3
[1.2.2]: https://example.org/a/b/releases/tag/v1.2.2
"""
HEADING = "## [1.2.3] - 2026-01-02"
OLD = "## [Unreleased]\n\n- A.\n\n## [1.2.2] - 2026-01-01\n\n- An older crash.\n"


@pytest.fixture
def ready(project: Path) -> Path:
    write(project, {"CHANGELOG.md": GOOD})
    commit(project)
    return project


def said(evidence: Evidence) -> str:
    assert evidence.outcome.status is Status.FAILED, evidence.outcome
    assert all(finding.remedy for finding in evidence.outcome.findings)
    return listed(evidence.outcome.findings)


def told(judged: Judgement) -> tuple[str, str]:
    """What blocks, and what is advice or noted."""
    return listed(judged.defects), listed(judged.advice + judged.notes)


def advised(evidence: Evidence) -> str:
    return listed(passed(evidence).advice)


def listed(findings: list[Finding] | tuple[Finding, ...]) -> str:
    return "\n".join(f"{f.line}: {f.message}" for f in findings)


def change(root: Path, old: str, new: str, path: str = "CHANGELOG.md") -> None:
    text = (root / path).read_text(encoding="utf-8")
    assert old in text
    write(root, {path: text.replace(old, new).encode()})


def set_up(root: Path, table: str) -> None:
    write(root, {"pyproject.toml": f"{PYPROJECT}\n{table}\n"})


def tag(root: Path, name: str = "v1.2.3") -> None:
    commit(root, name) if git(root, "status", "--porcelain") else None
    git(root, "tag", "--annotate", "--message", name, name)


def passed(evidence: Evidence) -> Outcome:
    assert evidence.outcome.status is Status.PASSED, evidence.outcome
    return evidence.outcome


def test_a_section_with_bullets_passes(ready: Path, judge: Judge) -> None:
    found = passed(judge(ready, "changelog"))
    assert found.summary == "1.2.3 with 2 bullets"
    assert found.checked == 9
    assert not found.findings


class TestApplies:
    def test_a_project_without_a_changelog_has_nothing_to_judge(
        self, project: Path, judge: Judge
    ) -> None:
        found = judge(project, "changelog").outcome
        assert found.status is Status.NOT_APPLICABLE
        assert "tool.release.changelog.file" in found.summary

    def test_a_changelog_that_is_set_and_missing_fails(self, project: Path, judge: Judge) -> None:
        set_up(project, '[tool.release.changelog]\nfile = "docs/changes.md"')
        assert "the changelog is missing" in said(judge(project, "changelog"))

    def test_a_format_that_is_not_understood_is_unchecked(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {"CHANGELOG.md": "# Changes\n\n## Spring\n\n- a\n\n## Winter\n\n- b\n"})
        found = judge(project, "changelog").outcome
        assert found.status is Status.UNCHECKED
        assert "not understood" in found.summary

    def test_what_is_included_from_elsewhere_is_unchecked(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {"CHANGES.rst": ".. include:: docs/changes.rst\n"})
        assert judge(project, "changelog").outcome.status is Status.UNCHECKED

    def test_text_in_another_encoding_fails(self, project: Path, judge: Judge) -> None:
        write(project, {"CHANGELOG.md": GOOD.encode("utf-16")})
        assert "is not UTF-8" in said(judge(project, "changelog"))

    def test_a_repository_that_cannot_be_read_is_unchecked(self, ready: Path, judge: Judge) -> None:
        tag(ready)
        blob = git(ready, "rev-parse", "v1.2.3:CHANGELOG.md")
        (ready / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
        found = judge(ready, "changelog").outcome
        assert found.status is Status.UNCHECKED
        assert "CHANGELOG.md at v1.2.3" in found.summary


class TestTheSection:
    def test_a_missing_section_fails(self, ready: Path, judge: Judge) -> None:
        change(ready, HEADING, "## [1.2.1] - 2026-01-02")
        assert "3: there is no section for 1.2.3" in said(judge(ready, "changelog"))

    def test_a_changelog_that_is_only_begun_fails(self, project: Path, judge: Judge) -> None:
        write(project, {"CHANGELOG.md": "# Changelog\n\nAll notable changes.\n"})
        assert "there is no section for 1.2.3" in said(judge(project, "changelog"))

    def test_a_section_that_says_it_is_unreleased_fails(self, ready: Path, judge: Judge) -> None:
        change(ready, HEADING, "## [1.2.3] - unreleased")
        assert "5: the section of 1.2.3 says that it is not released" in said(
            judge(ready, "changelog")
        )

    def test_a_section_without_a_date_fails_where_others_have_one(
        self, ready: Path, judge: Judge
    ) -> None:
        change(ready, HEADING, "## [1.2.3]")
        assert "5: the section of 1.2.3 has no date" in said(judge(ready, "changelog"))
        change(ready, "## [1.2.2] - 2026-01-01", "## [1.2.2]")
        passed(judge(ready, "changelog"))

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ("", "3: the section of 1.2.3 holds no bullet"),
            ("Many improvements.", "3: the section of 1.2.3 holds no bullet"),
            ("- TODO\n- ...", "3: the section of 1.2.3 holds nothing but placeholders"),
            ("### Added\n\n### Fixed\n- a", "5: Added is empty"),
            ("### Added\n<!-- what? -->\n### Fixed\n- a", "5: Added is empty"),
            ("### Added\n- TBD\n### Fixed\n- a", "5: Added holds nothing but placeholders"),
            ("### Added\nprose\n### Fixed\n- a", "5: Added holds no bullet"),
            ("### Odd\nn/a\n### Fixed\n- a", "5: Odd holds nothing but placeholders"),
        ],
    )
    def test_what_is_not_concrete_fails(self, body: str, message: str) -> None:
        section = read(f"# C\n\n## 1.2.3\n\n{body}\n\n## 1.0\n", "C.md").sections[0]
        assert told(judge_entry("C.md", section, KINDS)) == (message, "")

    @pytest.mark.parametrize(
        "body",
        [
            "- a",
            "* a\n* b",
            "1. a",
            "Headline.\n\n### Added — two gates\n\n- a",
            "### Added\n\n- Parts:\n  - TODO\n  - a",
            "### Highlights\n\nThis release fixes a security issue.\n\n### Fixed\n- a",
            "### Added\n\n#### API\n\n- a",
            "### Added\n\n| a | b |\n|---|---|\n\n- a",
        ],
    )
    def test_what_is_concrete_passes(self, body: str) -> None:
        section = read(f"# C\n\n## 1.2.3\n\n{body}\n", "C.md").sections[0]
        assert told(judge_entry("C.md", section, KINDS)) == ("", "")

    def test_a_placeholder_among_bullets_is_a_remark(self) -> None:
        section = read("## 1.2.3\n\n- a\n- TODO\n", "C.md").sections[0]
        assert told(judge_entry("C.md", section, KINDS)) == ("", "4: a placeholder: 'TODO'")

    def test_a_project_has_kinds_of_its_own(self, ready: Path, judge: Judge) -> None:
        change(ready, "### Fixed\n\n- A crash.", "### Validated\n\nBy hand.")
        passed(judge(ready, "changelog"))
        set_up(ready, '[tool.release.changelog]\nkinds = ["Added", "Validated"]')
        assert "Validated holds no bullet" in said(judge(ready, "changelog"))

    def test_kinds_that_are_set_are_the_only_ones(self, ready: Path, judge: Judge) -> None:
        change(ready, "### Fixed\n\n- A crash.", "### Stuff — more\n\n- A crash.")
        passed(judge(ready, "changelog"))
        set_up(ready, '[tool.release.changelog]\nkinds = ["Added", "Fixed"]')
        assert "Stuff — more is not one of the kinds" in said(judge(ready, "changelog"))
        set_up(ready, '[tool.release.changelog]\nkinds = ["Added", "stuff"]')
        passed(judge(ready, "changelog"))


class TestLevel:
    def test_unreleased_must_hold_bullets(self, ready: Path, judge: Judge) -> None:
        tag(ready)
        assert "3: Unreleased holds no bullet" in said(judge(ready, "changelog", Level.PATCH))
        change(ready, "## [Unreleased]\n", "## [Unreleased]\n\n### Added\n\n### Fixed\n\n- New.\n")
        found = passed(judge(ready, "changelog", Level.PATCH))
        assert found.summary == "Unreleased with 1 bullet"

    def test_an_unreleased_section_of_placeholders_fails(self, ready: Path, judge: Judge) -> None:
        change(ready, "## [Unreleased]\n", "## [Unreleased]\n\n- ...\n")
        assert "3: Unreleased holds nothing but placeholders" in said(
            judge(ready, "changelog", Level.MINOR)
        )

    def test_without_unreleased_the_section_comes_from_notes(
        self, ready: Path, judge: Judge
    ) -> None:
        change(ready, "## [Unreleased]\n\n", "")
        (remark,) = passed(judge(ready, "changelog", Level.PATCH)).findings
        assert remark.message == "nothing says yet what the release brings"
        assert "--notes FILE" in (remark.remedy or "")

    def test_a_section_written_in_advance_is_judged(self, ready: Path, judge: Judge) -> None:
        ahead = f"## [1.2.4] - unreleased\n\n- A seamless thing.\n\n{HEADING}"
        change(ready, f"## [Unreleased]\n\n{HEADING}", ahead)
        assert "5: 'seamless' advertises" in advised(judge(ready, "changelog", Level.PATCH))
        change(ready, "A seamless", "A")
        assert passed(judge(ready, "changelog", Level.PATCH)).summary == "1.2.4 with 1 bullet"
        assert "is not meant for 1.3.0" in said(judge(ready, "changelog", Level.MINOR))

    def test_fragments_are_left_to_their_tool(self, ready: Path, judge: Judge) -> None:
        change(ready, "## [Unreleased]\n", "## [Unreleased]\n\n<!-- scriv-insert-here -->\n")
        (remark,) = passed(judge(ready, "changelog", Level.PATCH)).notes
        assert remark.message == "scriv writes the section"

    @pytest.mark.parametrize("level", [None, Level.PATCH])
    def test_what_unreleased_says_of_fragments_is_no_section(
        self, ready: Path, judge: Judge, level: Level | None
    ) -> None:
        tag(ready)
        write(ready, {"README.md": "# More\n"})
        commit(ready)
        said_there = "## [Unreleased]\n\nSee the fragments in changelog.d.\n"
        change(ready, "## [Unreleased]\n", f"{said_there}\n<!-- scriv-insert-here -->\n")
        (remark,) = passed(judge(ready, "changelog", level)).notes
        assert remark.message == "scriv writes the section"


class TestReleased:
    def test_after_a_release_unreleased_is_judged(self, ready: Path, judge: Judge) -> None:
        tag(ready)
        write(ready, {"README.md": "# More\n"})
        commit(ready)
        assert "nothing says yet what the release brings" in advised(judge(ready, "changelog"))
        change(ready, "## [Unreleased]\n", "## [Unreleased]\n\n### Added\n\n- TODO\n- A thing.\n")
        found = passed(judge(ready, "changelog"))
        assert found.summary == "Unreleased with 1 bullet"
        assert listed(found.advice) == "7: a placeholder: 'TODO'"

    def test_what_a_released_section_says_is_history_then(self, ready: Path, judge: Judge) -> None:
        change(ready, "- A command.", "- TODO")
        assert "Added holds nothing but" in said(judge(ready, "changelog"))
        tag(ready)
        assert "Added holds nothing but" in said(judge(ready, "changelog"))
        write(ready, {"README.md": "# More\n"})
        commit(ready)
        passed(judge(ready, "changelog"))

    def test_a_version_of_version_control_is_judged_by_its_tag(
        self, tmp_path: Path, judge: Judge
    ) -> None:
        source = PYPROJECT.replace('version = "1.2.3"', 'dynamic = ["version"]').replace(
            '["hatchling"]', '["hatchling", "hatch-vcs"]'
        )
        root = make_project(tmp_path / "scm", {"pyproject.toml": source, "CHANGELOG.md": GOOD})
        assert passed(judge(root, "changelog")).summary == "nothing to release yet"
        assert "Unreleased holds no bullet" in said(judge(root, "changelog", Level.MINOR))
        tag(root)
        assert passed(judge(root, "changelog")).summary.startswith("1.2.3 with 2 bullets")
        change(root, "## [Unreleased]\n", "## [Unreleased]\n\n- A seamless thing.\n")
        commit(root)
        assert "5: 'seamless' advertises" in advised(judge(root, "changelog"))

    def test_a_development_version_needs_no_section(self, ready: Path, judge: Judge) -> None:
        tag(ready)
        write(ready, {"pyproject.toml": PYPROJECT.replace("1.2.3", "1.3.0.dev0")})
        commit(ready)
        (remark,) = passed(judge(ready, "changelog")).notes
        assert remark.message == "1.3.0.dev0 has no section"


class TestStructure:
    def judge(self, text: str, subject: int | None = None) -> tuple[str, str]:
        log = read(text, "C.md")
        chosen = None if subject is None else log.sections[subject]
        return told(judge_structure(log, chosen, TODAY))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("## 1.2\n## v1.2.0\n## 1.1\n",
             "2: a second section for 1.2.0; the first one is in line 1"),
            ("## Unreleased\n## 1.1\n## [Unreleased]\n",
             "3: a second section for Unreleased; the first one is in line 1"),
            ("## 1.1\n## Unreleased\n", "2: Unreleased stands below a release"),
            ("## 1.9\n## 1.10\n", "1: 1.9 stands above 1.10, which is the higher version"),
            ("## 1.0rc10\n## 1.0\n", "1: 1.0rc10 stands above 1.0, which is the higher version"),
            ("## [1.two] - 2026-01-01\n", "1: '1.two' is not a version by PEP 440"),
            ("## 1.0 (31.01.2026)\n", "1: no ISO 8601 date: '31.01.2026' (1.0)"),
            ("## 1.0 - 2026-13-01\n", "1: no ISO 8601 date: '2026-13-01' (1.0)"),
            ("## 1.0 - 2026-07-01\n", "1: 1.0 is dated 2026-07-01, and today is 2026-06-15"),
            ("## 1.1.1 - 2026-01-01\n## 1.1 - 2026-01-02\n",
             "1: 1.1.1 is dated 2026-01-01, before 1.1 (2026-01-02)"),
        ],
    )  # fmt: skip
    def test_each_defect_is_found(self, text: str, message: str) -> None:
        assert self.judge(text) == ("", message)
        sections = range(len(read(text, "C.md").sections))
        assert (message, "") in [self.judge(text, subject) for subject in sections]

    def test_the_day_after_today_in_utc_is_today_elsewhere(self) -> None:
        assert self.judge("## 1.0 - 2026-06-16\n") == ("", "")

    def test_headings_in_code_are_none(self) -> None:
        assert self.judge("## 1.1\n```\n## 1.1\n```\n## 1.0\n") == ("", "")

    def test_what_is_odd_in_other_sections_is_advice_in_one_line(self) -> None:
        text = "## 1.3\n## 1.1 (May 1st, 2025)\n## 1.2 - 2027-01-01\n## [1.x.y]\n"
        faults, advice = self.judge(text, subject=0)
        assert faults == ""
        assert advice.startswith("2: 4 oddities in the sections of other releases: no ISO 8601")
        assert "\n" not in advice

    def test_a_defect_of_the_section_to_release_is_none_of_history(self) -> None:
        faults, _ = self.judge("## 1.1 - 2026-01-01\n## 1.2 - 2026-02-02\n", subject=1)
        assert faults == "1: 1.1 stands above 1.2, which is the higher version"

    def test_later_releases_of_an_older_line_are_no_mistake(self) -> None:
        text = "## 2.0 - 2026-01-01\n## 1.9.1 - 2026-02-02\n## 1.9 - 2025-01-01\n"
        assert self.judge(text, 1) == ("", "")
        assert self.judge(text, 0) == ("1: 2.0 is dated 2026-01-01, before 1.9.1 (2026-02-02)", "")

    def test_a_fence_that_is_never_closed_fails(self, ready: Path, judge: Judge) -> None:
        change(ready, "- A crash.", "- A crash.\n\n```")
        assert "15: a code block begins here and is never closed" in said(judge(ready, "changelog"))


class TestLanguage:
    def test_words_of_advertisement_are_reported_where_they_stand(
        self, ready: Path, judge: Judge
    ) -> None:
        change(ready, "- A command.", "- A command,\n  blazing\n  fast.")
        change(ready, "- An older crash.", "- A seamless crash.")
        assert advised(judge(ready, "changelog")) == "10: 'blazing fast' advertises"
        set_up(ready, "[tool.release.gates.changelog]\nplain-language = true")
        assert said(judge(ready, "changelog")) == "10: 'blazing fast' advertises"

    def test_code_comments_and_addresses_are_not_read(self) -> None:
        text = (
            "## 1.0\n\n- `seamless` and [a](https://seamless.org)\n\n  ```\n  seamless\n  ```\n\n"
            "<!-- seamless -->\n\n- b\n"
        )
        assert told(judge_language("C.md", read(text, "C.md").sections[0], (), ())) == ("", "")

    def test_the_settings_add_allow_and_switch_off(self, ready: Path, judge: Judge) -> None:
        change(ready, "- A command.", "- A seamless, synergetic command.")
        table = "[tool.release.gates.changelog]\n"
        set_up(ready, table + 'words = ["synergetic"]\nallowed-words = ["seamless"]')
        assert said(judge(ready, "changelog")) == "9: 'synergetic' advertises"
        set_up(ready, table + "plain-language = false")
        passed(judge(ready, "changelog"))


class TestLinks:
    def judge(
        self, text: str, *tags: str, ahead: bool = False, subject: int | None = None
    ) -> tuple[str, str]:
        log = read(text, "C.md")
        tagged = {Version(name.lstrip("v")) for name in tags}
        chosen = None if subject is None else log.sections[subject]
        return told(judge_links(log, chosen, tagged, tags, ahead=ahead))

    SECTIONS = "## [Unreleased]\n## [1.2.0]\n## [1.1.0]\n## [1.0.0]\n"

    def links(self, **changes: str) -> str:
        urls = {
            "Unreleased": f"{COMPARE}/v1.2.0...HEAD",
            "1.2.0": f"{COMPARE}/v1.1.0...v1.2.0",
            "1.1.0": f"{COMPARE}/v1.0.0...v1.1.0",
            "1.0.0": "https://example.org/a/b/releases/tag/v1.0.0",
            **{name.replace("_", ".").lstrip("."): url for name, url in changes.items()},
        }
        return self.SECTIONS + "".join(f"\n[{name}]: {url}" for name, url in urls.items() if url)

    def test_good_links_pass(self) -> None:
        assert self.judge(self.links()) == ("", "")
        assert self.judge(self.links(), "v1.0.0", "v1.1.0", "v1.2.0") == ("", "")

    def test_brackets_without_any_links_pass(self) -> None:
        assert self.judge(self.SECTIONS) == ("", "")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"_1_1_0": "", "_1_0_0": ""},
             ("3: 2 oddities among the links: no link is defined for 1.1.0 (line 3), no link is"
              " defined for 1.0.0 (line 4)")),
            ({"_1_2_0": f"{COMPARE}/v1.1.0...v1.1.1"}, "7: the link [1.2.0] leads to v1.1.1"),
            ({"_1_2_0": f"{COMPARE}/v1.1.0...HEAD"}, "7: the link [1.2.0] leads to HEAD"),
            ({"_1_2_0": f"{COMPARE}/v1.0.0...v1.2.0"}, "7: the link [1.2.0] begins at v1.0.0"),
            ({"_1_2_0": f"{COMPARE}/v1.3.0...v1.2.0"}, "7: the link [1.2.0] begins at v1.3.0"),
            ({"_1_0_0": "https://example.org/a/b/releases/tag/v1.1.0"},
             "9: the link [1.0.0] leads to v1.1.0"),
            ({"Unreleased": f"{COMPARE}/v1.1.0...HEAD"},
             "6: the link [Unreleased] begins at v1.1.0, and 1.2.0 is the last release"),
            ({"Unreleased": f"{COMPARE}/main...HEAD"},
             "6: the link [Unreleased] begins at main, and 1.2.0 is the last release"),
        ],
    )  # fmt: skip
    def test_each_defect_is_found(self, changes: dict[str, str], message: str) -> None:
        assert self.judge(self.links(**changes)) == ("", message)

    def test_the_link_of_the_section_to_release_blocks(self) -> None:
        text = self.links(_1_2_0=f"{COMPARE}/v1.1.0...v1.1.1", _1_1_0="")
        assert self.judge(text, subject=1) == (
            "7: the link [1.2.0] leads to v1.1.1", "3: no link is defined for 1.1.0"
        )  # fmt: skip

    def test_a_tag_that_is_not_there_is_found(self) -> None:
        text = self.links(_1_1_0=f"{COMPARE}/1.0.0...1.1.0")
        assert self.judge(text) == ("", "")
        _, advice = self.judge(text, "v1.0.0", "v1.1.0", "v1.2.0")
        assert advice == "8: the link [1.1.0] leads to 1.1.0, which is not a tag"

    def test_a_link_may_begin_at_the_last_final_version(self) -> None:
        text = (
            "## [1.1.0]\n## [1.1.0rc1]\n## [1.0.0]\n\n"
            f"[1.1.0]: {COMPARE}/v1.0.0...v1.1.0\n[1.1.0rc1]: {COMPARE}/v1.0.0...v1.1.0-rc1\n"
            f"[1.0.0]: {COMPARE}/0.9...v1.0.0\n"
        )
        assert self.judge(text) == ("", "")
        assert self.judge(text.replace("v1.0.0...v1.1.0\n", "v1.1.0-rc1...v1.1.0\n")) == ("", "")

    def test_a_later_release_of_an_older_line_may_be_left_out(self) -> None:
        text = (
            "## [2.0.0] - 2026-01-01\n## [1.0.1] - 2026-02-02\n## [1.0.0] - 2025-01-01\n\n"
            f"[2.0.0]: {COMPARE}/v1.0.0...v2.0.0\n[1.0.1]: {COMPARE}/v1.0.0...v1.0.1\n"
            f"[1.0.0]: {COMPARE}/v0.9.0...v1.0.0\n"
        )
        assert self.judge(text) == ("", "")
        early = text.replace("[1.0.1] - 2026-02-02", "[1.0.1] - 2025-02-02")
        assert self.judge(early)[1] == "5: the link [2.0.0] begins at v1.0.0"

    def test_links_of_a_section_written_in_advance_may_wait(self) -> None:
        text = self.links(Unreleased=f"{COMPARE}/v1.1.0...HEAD")
        assert self.judge(text, "v1.0.0", "v1.1.0", ahead=True) == ("", "")
        assert "begins at v1.1.0" in self.judge(text, "v1.0.0", "v1.1.0")[1]

    def test_other_addresses_are_left_alone(self) -> None:
        text = self.links(_1_1_0="https://example.org/docs/", Unreleased="https://example.org/")
        assert self.judge(text) == ("", "")


class TestHistory:
    def judge(self, now: str, then: str, **amended: str) -> tuple[str, str]:
        reasons = {
            Version(name.lstrip("v").replace("_", ".")): why for name, why in amended.items()
        }
        return told(judge_history(read(now, "C.md"), read(then, "C.md"), "v1.2.2", reasons))

    def test_is_told_of_a_very_long_section_in_linear_time(self) -> None:
        lines = [
            f"- {' '.join(f'w{number * number * word % 599}' for word in range(10, 20))}"
            for number in range(15000)
        ]
        then, now = ("\n".join(["## 1.2.2\n", *some]) for some in (lines, lines[::-1]))
        began = time.monotonic()
        _, advice = self.judge(now, then)
        assert advice.startswith("3: released sections changed: 1.2.2 is not what it was")
        assert time.monotonic() - began < 10

    def test_an_unchanged_section_passes(self) -> None:
        assert self.judge(OLD, OLD) == ("", "")

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("- An older crash.", "- An older crash.\n- New.", "8: …: '- New.' was added"),
            ("- An older crash.", "- New.\n- An older crash.", "7: …: '- New.' was added"),
            ("- An older crash.", "", "5: …: '- An older crash.' was removed"),
            ("older", "newer", "7: …: 'newer' was 'older'"),
            ("2026-01-01", "2026-01-03", "5: …: dated 2026-01-03, was 2026-01-01"),
        ],
    )
    def test_each_change_is_found(self, old: str, new: str, message: str) -> None:
        expected = "released sections changed: 1.2.2 is not what it was at v1.2.2"
        assert self.judge(OLD.replace(old, new), OLD) == ("", message.replace("…", expected))

    def test_a_heading_is_told_without_the_line_below_it(self) -> None:
        then = OLD.replace("- An older", "Fixes\n^^^^^\n\n- An older")
        now = then.replace("Fixes\n^^^^^", "Bugs\n^^^^")
        assert self.judge(now, then)[1].endswith("'Bugs' was 'Fixes'")
        assert self.judge(then.replace("^^^^^", "^^^^^^"), then) == ("", "")

    def test_a_removed_bullet_is_named(self) -> None:
        then = OLD.replace("- An older crash.", "- One.\n- An older crash.")
        assert self.judge(OLD, then)[1].endswith("'- One.' was removed")

    @pytest.mark.parametrize(
        "now",
        [
            OLD.replace("\n", "  \r\n"),
            OLD.replace("- An", "* An"),
            OLD.replace("older ", "older\n  "),
            OLD.replace("[1.2.2] -", "1.2.2 —"),
            OLD + "\n[1.2.2]: https://example.org/\n",
            OLD + "\n---\n\n<!-- the end -->\n",
            OLD.replace("- An", "**YANKED**\n\n- An"),
            OLD.replace("- A.", "- B.\n- C."),
        ],
    )
    def test_form_links_and_other_sections_do_not_count(self, now: str) -> None:
        assert self.judge(now, OLD) == ("", "")

    def test_addresses_may_be_mended(self) -> None:
        then = OLD.replace("crash", "[crash](http://old.example.org/1)")
        assert self.judge(then.replace("old.example", "example"), then) == ("", "")

    def test_all_versions_are_told_in_one_line(self) -> None:
        more = OLD + "\n## [1.2.1] - 2025-01-01\n\n- The oldest crash.\n\n## 1.2.0\n\n- A.\n"
        now = more.replace("crash", "bug").replace("## [1.2.1]", "## [1.2.1.1]")
        _, advice = self.judge(now, more)
        assert advice.startswith("7: released sections changed: 1.2.2 is not what it was")
        assert advice.endswith("1.2.1 is not what it was at v1.2.2: it is gone")
        assert "\n" not in advice

    def test_sections_that_were_moved_out_or_folded_are_not_missed(self) -> None:
        assert self.judge(OLD.replace("1.2.2", "1.3.0"), OLD) == ("", "")
        assert self.judge("## 1.3\n\n- a\n\n## 1.2\n", "## 1.3rc1\n\n- a\n") == ("", "")

    def test_an_amendment_is_acknowledged_with_its_reason(self) -> None:
        _, notes = self.judge(OLD.replace("older", "newer"), OLD, v1_2_2="a wrong word")
        assert notes.endswith("; a wrong word")

    def test_the_text_at_the_last_release_is_what_counts(self, ready: Path, judge: Judge) -> None:
        tag(ready)
        change(ready, "- A crash.", "- A crash, and more.")
        commit(ready)
        message = "13: released sections changed: 1.2.3 is not what it was at v1.2.3"
        found = judge(ready, "changelog")
        assert f"{message}: 'crash, and more.' was 'crash.'" in advised(found)
        assert "amended] VERSION = the reason" in str(found.outcome.findings[-1].remedy)
        set_up(ready, '[tool.release.gates.changelog.amended]\n"1.2.3" = "it was wrong"')
        (note,) = passed(judge(ready, "changelog")).notes
        assert note.message.endswith("; it was wrong")

    def test_an_amendment_of_no_version_fails(self, ready: Path, judge: Judge) -> None:
        set_up(ready, '[tool.release.gates.changelog.amended]\n"soon" = "why"')
        assert "names 'soon', which is not a version" in said(judge(ready, "changelog"))

    def test_a_project_below_the_top_of_its_repository_is_compared(
        self, tmp_path: Path, judge: Judge
    ) -> None:
        root = make_project(tmp_path / "top")
        make_project(root / "inner", {"CHANGELOG.md": GOOD})
        for path in sorted((root / "inner" / ".git").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (root / "inner" / ".git").rmdir()
        tag(root)
        assert "changed" not in advised(judge(root / "inner", "changelog"))
        change(root / "inner", "- A crash.", "- No crash.")
        assert "'No' was 'A'" in advised(judge(root / "inner", "changelog"))
