from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release.gates.schemas.schema_register import (
    Change,
    Entry,
    Register,
    Script,
    changes,
    judge_changelog,
    judge_major,
    judge_order,
    judge_scripts,
    judge_sources,
    mentions,
    order,
    parse,
    stated,
)
from release.model import Finding
from release.settings import SchemaSource
from release.text.sections import Section, read

TEMPLATE = "{schema}_v{old}_to_v{new}.*"
TITLE = "Schema migrations"
AUDIT = Change("audit", "1", "2", 5)

CATALOGUE = """\
# Schemas

What is written to disk, and since when.

| Schema | Current version | Since |
|--------|:---------------:|-------|
| `audit` | `2` | 0.4 |
| [proof](docs/proof.md) | **v1.3** | 0.1 |
| drift\\_scan | 1.0 (current) | 0.7 |

Not schemas:

| Field | Value |
|---|---|
| Version | 9 |

### CampaignRecord — `campaign/2.0` (current)

| Field | Value |
|---|---|
| Constant | `CAMPAIGN_VERSION = "2.0"` |

### Inventories

| Schema | Module | Constant |
|---|---|---|
| Wiring | `src/wiring.py` | `WIRING_VERSION = 1` |

```markdown
| Schema | Version |
|---|---|
| fenced | 7 |
```

<!--
| Schema | Version |
|---|---|
| hidden | 7 |
-->
"""


def source(search: str, name: str = "audit", file: str = "a.py") -> SchemaSource:
    return SchemaSource(name=name, file=file, search=search)


def register(*entries: Entry) -> Register:
    return Register("SCHEMAS.md", entries, ())


def said(findings: list[Finding] | tuple[Finding, ...]) -> list[str]:
    assert all(finding.remedy for finding in findings)
    return [f"{f.path}:{f.line}: {f.message}" for f in findings]


def table(*rows: str, header: str = "| Schema | Version |") -> str:
    return "\n".join([header, "|---|---|", *rows, ""])


class TestRegister:
    def test_tables_and_headings_are_read_and_fences_and_comments_are_not(self) -> None:
        found = parse(CATALOGUE, "SCHEMAS.md")
        assert found.problems == ()
        assert found.entries == (
            Entry("audit", "2", 7),
            Entry("proof", "1.3", 8),
            Entry("drift_scan", "1.0", 9),
            Entry("CampaignRecord", "2.0", 17),
            Entry("Wiring", "1", 27),
        )

    def test_a_byte_order_mark_and_windows_line_ends_change_nothing(self) -> None:
        other = parse("\ufeff" + CATALOGUE.replace("\n", "\r\n"), "SCHEMAS.md")
        assert other == parse(CATALOGUE, "SCHEMAS.md")

    @pytest.mark.parametrize(
        "header",
        [
            "| Name | Current |",
            "Schema name | Schema version",
            "| **Schema** | Latest version |",
            "| `name` | VERSION |",
        ],
    )
    def test_the_columns_may_have_other_names(self, header: str) -> None:
        found = parse(table("| audit | v2 |", header=header), "S.md")
        assert [(entry.name, entry.version) for entry in found.entries] == [("audit", "2")]

    def test_the_current_version_is_taken_where_there_are_others(self) -> None:
        text = "| Schema | Version | Current version |\n|--|--|--|\n| audit | 1 | 2 |\n"
        assert parse(text, "S.md").entries[0].version == "2"

    @pytest.mark.parametrize(
        "row", ["| audit |  |", "| audit |", "| audit | TBD |", "| audit | 1, 2 |"]
    )
    def test_a_row_without_one_version_is_a_problem_with_its_line(self, row: str) -> None:
        found = parse(table("| proof | 1 |", row), "S.md")
        assert [(p.path, p.line) for p in found.problems] == [("S.md", 4)]
        assert found.problems[0].message.startswith("audit: ")
        assert found.problems[0].remedy

    def test_a_row_without_a_name_is_a_problem_with_its_line(self) -> None:
        assert said(parse(table("| | 1 |"), "S.md").problems) == ["S.md:3: a row names no schema"]

    def test_a_schema_in_two_rows_is_a_problem_with_both_lines(self) -> None:
        found = parse(table("| audit | 1 |", "| audit | 1 |"), "S.md")
        assert said(found.problems) == ["S.md:4: audit is registered as 1, and on line 3 as 1"]
        assert len(found.entries) == 1

    def test_a_heading_may_repeat_a_row_but_not_contradict_it(self) -> None:
        assert not parse(table("| audit | 1 |") + "\n## audit: `1.0`\n", "S.md").problems
        found = parse(table("| audit | 1 |") + "\n## audit: `1.1`\n", "S.md")
        assert said(found.problems) == ["S.md:5: audit is registered as 1.1, and on line 3 as 1"]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "# Schemas\n\nNone yet.\n",
            "| Field | Type |\n|---|---|\n| name | str |\n",
            "| Schema | Version |\n| audit | 1 |\n",
            "| Schema | Version |\n|---|\n| audit | 1 |\n",
            "    | Schema | Version |\n    |---|---|\n    | audit | 1 |\n",
            "## Step 2 - 1.0\n## `v2`\n## The `audit` schema\n",
        ],
    )
    def test_a_document_without_a_table_of_versions_is_a_problem(self, text: str) -> None:
        found = parse(text, "S.md")
        assert found.entries == ()
        assert said(found.problems) == [
            "S.md:None: has no table that lists schemas and their versions"
        ]

    def test_a_pipe_in_a_cell_is_escaped(self) -> None:
        assert parse(table("| a\\|b | 2 |"), "S.md").entries == (Entry("a|b", "2", 3),)

    @settings(max_examples=200)
    @given(st.text(alphabet="|-: #`~<!>\n\r\\[]()_*=av12.Schema Version\ufeff", max_size=200))
    def test_no_text_is_too_odd_to_be_read(self, text: str) -> None:
        found = parse(text, "S.md")
        assert found.entries or found.problems
        assert all(0 < entry.line <= text.count("\n") + 1 for entry in found.entries)


class TestOrder:
    @pytest.mark.parametrize(
        ("low", "high"),
        [("1", "2"), ("9", "10"), ("1.9", "1.10"), ("1.0", "1.0.1"), ("2a", "2b"), ("1_9", "1_10"),
         ("9" * 60, "1" + "0" * 60)],
    )  # fmt: skip
    def test_versions_are_ordered_by_their_numbers(self, low: str, high: str) -> None:
        assert (order(low, high), order(high, low)) == (-1, 1)

    @pytest.mark.parametrize(("one", "other"), [("1", "1.0"), ("2.0", "2"), ("1_0x", "1.0.x")])
    def test_the_same_version_may_be_spelled_otherwise(self, one: str, other: str) -> None:
        assert order(one, other) == 0


class TestStated:
    @pytest.mark.parametrize(
        ("text", "search", "found"),
        [
            ("A = 1\nVERSION = 2  # old\n", "VERSION = {version}", [("2", 2)]),
            ('V = "audit/1.1"', '"audit/{version}"', [("1.1", 1)]),
            ("x/audit_v2.json", "audit_v{version}.json", [("2", 1)]),
            ("x/audit_v2.1.json!", "audit_v{version}.json", [("2.1", 1)]),
            ("It is version 2.", "version {version}", [("2", 1)]),
            ("V = x\nV = 1\r\nV = 2", "V = {version}", [("1", 2), ("2", 3)]),
            ("V = (1)", "V = ({version})", [("1", 1)]),
            ("V = .1", "V = {version}", []),
            ("V = " + "1" * 65, "V = {version}", []),
            ("V = ", "V = {version}", []),
        ],
    )
    def test_a_version_is_found_where_the_search_has_it(
        self, text: str, search: str, found: list[tuple[str, int]]
    ) -> None:
        assert stated(text, search) == found

    @pytest.mark.parametrize("search", ["V = 1", "{version} {version}"])
    def test_a_search_names_the_version_once(self, search: str) -> None:
        assert stated("V = 1", search) == []

    @settings(max_examples=200)
    @given(
        st.text(alphabet='1a.v" \n', max_size=40),
        st.text(alphabet='1a.v" ', max_size=3),
        st.text(alphabet='1a.v" ', max_size=3),
    )
    def test_it_finds_what_a_regular_expression_would(
        self, text: str, before: str, after: str
    ) -> None:
        number = r"([0-9][\w.]*)" if after else r"([0-9](?:[\w.]*\w)?)"
        pattern = re.compile(re.escape(before) + number + re.escape(after))
        wanted = [(m[1], text.count("\n", 0, m.start(1)) + 1) for m in pattern.finditer(text)]
        assert stated(text, f"{before}{{version}}{after}") == wanted


class TestSources:
    def test_a_source_that_agrees_is_fine_however_it_spells_the_version(self) -> None:
        entry = Entry("audit", "2", 3)
        assert (
            list(judge_sources(register(entry), [source("V = {version}")], {"a.py": "V = 2.0"}))
            == []
        )

    def test_another_version_is_found_with_both_places(self) -> None:
        found = list(
            judge_sources(
                register(Entry("audit", "2", 3)), [source("V = {version}")], {"a.py": "\nV = 3\n"}
            )
        )
        assert said(found) == ["SCHEMAS.md:3: audit is registered as 2, and a.py:2 says 3"]

    def test_a_schema_that_is_not_registered_is_found_with_the_nearest_name(self) -> None:
        found = list(
            judge_sources(
                register(Entry("Audit", "2", 3)), [source("V = {version}")], {"a.py": "V = 2"}
            )
        )
        assert said(found) == ["a.py:1: audit 2 is not registered in SCHEMAS.md (it has Audit)"]

    def test_a_source_without_the_version_is_found(self) -> None:
        found = list(
            judge_sources(
                register(Entry("audit", "2", 3)), [source("V = {version}")], {"a.py": "W = 2"}
            )
        )
        assert said(found) == [
            "a.py:None: states no version of audit where 'V = {version}' looks for it"
        ]

    def test_a_search_that_fits_several_places_is_found(self) -> None:
        found = list(
            judge_sources(
                register(Entry("audit", "2", 3)),
                [source("V = {version}")],
                {"a.py": "V = 2\nOLD_V = 1"},
            )
        )
        assert said(found) == ["a.py:1: 'V = {version}' finds 2 versions of audit: lines 1, 2"]

    def test_a_missing_file_is_found(self) -> None:
        found = list(judge_sources(register(), [source("V = {version}")], {}))
        assert said(found) == ["a.py:None: is missing, and the version of audit is to stand there"]

    def test_a_search_without_the_version_is_found(self) -> None:
        found = list(judge_sources(register(), [source("V = 2")], {"a.py": "V = 2"}))
        assert said(found) == ["a.py:None: states no version of audit where 'V = 2' looks for it"]
        assert "has to hold {version} once" in str(found[0].remedy)


class TestChanges:
    def test_only_registered_schemas_with_another_version_changed(self) -> None:
        found = register(Entry("a", "2", 1), Entry("b", "1.0", 2), Entry("new", "3", 3))
        assert changes(found, {"a": "1", "b": "1", "gone": "1"}) == [Change("a", "1", "2", 1)]

    def test_a_version_that_goes_back_is_found(self) -> None:
        found = judge_order("S.md", [AUDIT, Change("proof", "1.10", "1.9", 6)], "v1.2.2")
        assert said(found) == ["S.md:6: proof goes back from 1.10 (v1.2.2) to 1.9"]


class TestScripts:
    def judge(self, change: Change, *scripts: Script | str, template: str = TEMPLATE) -> list[str]:
        files = [Script(item) if isinstance(item, str) else item for item in scripts]
        return said(list(judge_scripts("S.md", [change], files, template, "migrations")))

    @pytest.mark.parametrize(
        ("change", "scripts", "template"),
        [
            (AUDIT, ["audit_v1_to_v2.py"], TEMPLATE),
            (AUDIT, ["deep/audit_v1_to_v2.sql"], TEMPLATE),
            (AUDIT, ["audit/1_2.py"], "{schema}/{old}_{new}.py"),
            (Change("audit", "1", "3", 5), ["audit_v1_to_v2.py", "audit_v2_to_v3.py"], TEMPLATE),
            (Change("audit", "1", "3", 5), ["audit_v1_to_v3.py"], TEMPLATE),
            (Change("a", "1.0", "3.0", 5), ["a_v1_to_v2.py", "a_v2_to_v3.py"], TEMPLATE),
            (Change("audit", "1.0", "1.1", 5), ["audit_v1_0_to_v1_1.py"], TEMPLATE),
            (Change("AuditLog", "1", "2", 5), ["audit_log_v1_to_v2.py"], TEMPLATE),
            (Change("CampaignRecord", "1.0", "2.0", 5), ["campaign_1_to_2.py"],
             "{schema}_{old}_to_{new}.py"),
        ],
    )  # fmt: skip
    def test_a_script_for_the_change_or_one_for_each_step_will_do(
        self, change: Change, scripts: list[str], template: str
    ) -> None:
        assert self.judge(change, *scripts, template=template) == []

    def test_a_missing_script_is_found(self) -> None:
        found = self.judge(AUDIT, "audit_v1_to_v20.py", "xaudit_v1_to_v2.py", "proof_v1_to_v2.py")
        assert found == [
            "S.md:5: audit went from 1 to 2, and no script in migrations/ migrates it from 1 to 2"
        ]

    def test_a_missing_step_is_found(self) -> None:
        found = self.judge(Change("audit", "1", "4", 5), "audit_v1_to_v2.py", "audit_v3_to_v4.py")
        assert found == [
            "S.md:5: audit went from 1 to 4, and no script in migrations/ migrates it from 2 to 3"
        ]

    def test_a_script_that_is_not_tracked_is_found(self) -> None:
        assert self.judge(AUDIT, Script("audit_v1_to_v2.py", tracked=False)) == [
            (
                "migrations/audit_v1_to_v2.py:None: is not tracked by git, and audit needs it to go"
                " from 1 to 2"
            )
        ]

    def test_an_empty_script_is_found(self) -> None:
        assert self.judge(AUDIT, Script("audit_v1_to_v2.py", empty=True)) == [
            "migrations/audit_v1_to_v2.py:None: is empty, and audit needs it to go from 1 to 2"
        ]

    def test_a_name_with_wildcards_and_braces_stands_for_itself(self) -> None:
        assert self.judge(Change("*", "1", "2", 5), "audit_v1_to_v2.py") != []
        assert self.judge(Change("{old}", "1", "2", 5), "1_v1_to_v2.py") != []
        assert self.judge(Change("{old}", "1", "2", 5), "{old}_v1_to_v2.py") == []

    def test_a_leap_over_many_numbers_needs_one_script(self) -> None:
        change = Change("audit", "1", "20260101", 5)
        assert len(self.judge(change)) == 1
        assert self.judge(change, "audit_v1_to_v20260101.py") == []

    def test_a_version_that_goes_back_needs_none(self) -> None:
        assert self.judge(Change("audit", "2", "1", 5)) == []


class TestChangelog:
    def judge(self, body: str | None, *changed: Change, path: str = "C.md") -> list[str]:
        scripts = [Script(f"{c.name}_v{c.old}_to_v{c.new}.py") for c in changed]
        section = None if body is None else self.section(body, path)
        return said(list(judge_changelog(path, section, TITLE, changed, scripts, TEMPLATE)))

    def section(self, body: str, path: str = "C.md") -> Section:
        head = "1.3.0\n=====\n\n" if path == "C.rst" else "# Changelog\n\n## [1.3.0]\n\n"
        return read(head + body, path).sections[0]

    @pytest.mark.parametrize(
        "body",
        [
            "### Added\n\n- x\n\n### Schema migrations\n\n- audit: see audit_v1_to_v2.py\n",
            "### schema migrations (1)\r\n- [`audit_v1_to_v2.py`](audit_v1_to_v2.py)\r\n",
            "### **Schema migrations**\n- The Audit schema: audit\\_v1\\_to\\_v2.py.\n### Fixed\n",
            "### Changed\n#### Schema migrations\n- audit: audit_v1_to_v2.py",
        ],
    )
    def test_a_subsection_with_schema_and_script_will_do(self, body: str) -> None:
        assert self.judge(body, AUDIT) == []

    def test_restructuredtext_is_read(self) -> None:
        body = "Added\n-----\n- x\n\nSchema migrations\n-----------------\n- audit_v1_to_v2.py\n"
        assert self.judge(body, AUDIT, path="C.rst") == []
        body = body.replace("- audit_v1_to_v2.py\n", "\nFixed\n-----\n- audit_v1_to_v2.py\n")
        assert len(self.judge(body, AUDIT, path="C.rst")) == 2

    def test_a_missing_subsection_is_found(self) -> None:
        assert self.judge("### Changed\n- audit, audit_v1_to_v2.py\n", AUDIT) == [
            "C.md:3: 1.3.0 has no subsection 'Schema migrations', and schemas changed: audit 2"
        ]

    def test_a_missing_section_is_found(self) -> None:
        (found,) = self.judge(None, AUDIT)
        assert found == "C.md:None: has no section for this release, and schemas changed: audit 2"

    @pytest.mark.parametrize("around", ["```\n{}\n```\n", "<!--\n{}\n-->\n"])
    def test_a_subsection_in_a_fence_or_comment_does_not_count(self, around: str) -> None:
        hidden = around.format("### Schema migrations\naudit audit_v1_to_v2.py")
        assert len(self.judge(hidden, AUDIT)) == 1
        assert len(self.judge("### Schema migrations\n\n<!-- audit_v1_to_v2.py -->\n", AUDIT)) == 2

    def test_what_stands_under_the_next_heading_does_not_count(self) -> None:
        body = "### Schema migrations\n- x\n### Fixed\n- audit audit_v1_to_v2.py\n"
        assert len(self.judge(body, AUDIT)) == 2
        assert self.judge(body.replace("### F", "#### F"), AUDIT) == []
        body = "### Schema migrations\n- x\n## [1.2.0]\n- audit audit_v1_to_v2.py\n"
        assert len(self.judge(body, AUDIT)) == 2

    def test_each_schema_must_be_named(self) -> None:
        body = "### Schema migrations\n- audit: audit_v1_to_v2.py and proof-log_v1_to_v2.py\n"
        assert self.judge(body, AUDIT, Change("proof", "1", "2", 6)) == [
            "C.md:5: 'Schema migrations' does not name proof, which went from 1 to 2",
            "C.md:5: 'Schema migrations' does not point at proof_v1_to_v2.py, which migrates proof",
        ]

    def test_its_script_must_be_pointed_at(self) -> None:
        assert self.judge("### Schema migrations\n- audit is now 2\n", AUDIT) == [
            "C.md:5: 'Schema migrations' does not point at audit_v1_to_v2.py, which migrates audit"
        ]

    def test_every_step_must_be_pointed_at(self) -> None:
        change = Change("audit", "1", "3", 5)
        steps = [Script("audit_v1_to_v2.py"), Script("audit_v2_to_v3.py")]
        body = "### Schema migrations\n- audit: audit_v1_to_v2.py\n"
        found = list(judge_changelog("C.md", self.section(body), TITLE, [change], steps, TEMPLATE))
        assert len(found) == 1
        assert "does not point at audit_v2_to_v3.py" in found[0].message
        section = self.section(body + "- and audit_v2_to_v3.py\n")
        assert list(judge_changelog("C.md", section, TITLE, [change], steps, TEMPLATE)) == []

    def test_without_a_change_nothing_is_demanded(self) -> None:
        assert self.judge(None) == []
        assert self.judge(None, Change("audit", "2", "1", 5)) == []

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("the audit schema", True),
            ("`audit/2`", True),
            ("audit-v2", True),
            ("x/audit_v1_to_v2.py", True),
            ("auditing", False),
            ("audit-log", False),
            ("audit_log_v1_to_v2.py", False),
            ("pre-audit", False),
        ],
    )
    def test_a_schema_is_named_by_a_word_of_its_own(self, text: str, wanted: bool) -> None:
        assert mentions(text, "audit") is wanted


class TestMajor:
    def judge(self, *scripts: Script | str, pattern: str | None = None, old: str = "") -> list[str]:
        files = [Script(item) if isinstance(item, str) else item for item in scripts]
        return said(judge_major(Version("2.0.0"), "v1.9.0", files, {old}, pattern, "migrations"))

    def test_a_new_script_will_do(self) -> None:
        assert self.judge("anything.py") == []
        assert self.judge("v2_wire.py", pattern="v{major}*.py") == []

    @pytest.mark.parametrize("path", ["README.md", "__init__.py", "sub/.keep", "notes.txt"])
    def test_what_is_no_script_does_not_count(self, path: str) -> None:
        (found,) = self.judge(path)
        assert found.startswith("None:None: 2.0.0 is a major release after v1.9.0")
        assert found.endswith("migrations/ has no new migration script")

    def test_a_script_of_another_name_does_not_count(self) -> None:
        (found,) = self.judge("v3.py", pattern="v{major}*.py")
        assert found.endswith("has no new migration script called v2*.py")

    def test_a_script_of_the_last_release_does_not_count(self) -> None:
        (found,) = self.judge("v2.py", pattern="v{major}*.py", old="v2.py")
        assert found.endswith("called v2*.py: v2.py is as old as v1.9.0")
        assert len(self.judge("v2.py", old="v2.py")) == 1

    def test_an_empty_or_untracked_script_does_not_count(self) -> None:
        (found,) = self.judge(Script("v2.py", empty=True))
        assert found == "migrations/v2.py:None: is empty, and the major release 2.0.0 needs it"
        (found,) = self.judge(Script("v2.py", tracked=False))
        assert "is not tracked by git" in found
