"""SECURITY.md: its table of supported versions moves with minor and major releases."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release.errors import ConfigurationError
from release.gates.documents import security_policy

HEAD = "# Security policy\n\n## Supported versions\n\n"
TAIL = "\n## Reporting\n\nWrite to 0.2.x | us.\n"


def table(rows: str) -> str:
    return HEAD + textwrap.dedent(rows) + TAIL


def edited(text: str, version: str, previous: str | None = None) -> str:
    before = Version(previous) if previous else None
    return security_policy.with_release(text, "SECURITY.md", Version(version), before)


def becomes(before: str, after: str, version: str, previous: str | None = None) -> None:
    assert edited(table(before), version, previous) == table(after)
    assert edited(table(after), version, previous) == table(after)
    assert judged(table(after), version) == []


def judged(text: str, version: str) -> list[str]:
    found = list(security_policy.judge(text, "SECURITY.md", Version(version)))
    assert all(finding.remedy for finding in found)
    return [f"{finding.line}: {finding.message}" for finding in found]


def refused(rows: str, version: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        edited(table(rows), version)
    assert all("by hand" in str(problem.remedy) for problem in caught.value.problems)
    return str(caught.value)


ONE = """\
    | Version | Supported          |
    | ------- | ------------------ |
    | 0.2.x   | :white_check_mark: |
    | < 0.2   | :x:                |
    """
TWO = """\
    | Version | Supported |
    | ------- | --------- |
    | 6.1.x   | ✅        |
    | 6.0.x   | ✅        |
    | < 6.0   | ❌        |
    """


class TestOneSupportedSeries:
    def test_it_becomes_that_of_a_minor_release_and_the_bound_follows(self) -> None:
        becomes(ONE, ONE.replace("0.2", "0.3"), "0.3.0", "0.2.4")

    def test_it_becomes_that_of_a_major_release(self) -> None:
        becomes(ONE, ONE.replace("0.2", "1.0"), "1.0.0", "0.2.4")

    def test_the_column_keeps_its_width_where_it_can(self) -> None:
        wide = ONE.replace("0.2.x  ", "0.10.x ").replace("0.2  ", "0.10 ")
        becomes(ONE, wide, "0.10.0", "0.2.4")
        becomes(wide, ONE.replace("0.2", "1.0"), "1.0.0", "0.10.0")

    def test_a_table_that_is_not_aligned_is_not_padded(self) -> None:
        rows = "Version|Supported\n-|-\n0.9.x |yes\n<0.9|no\n"
        becomes(rows, rows.replace("0.9", "0.10"), "0.10.0", "0.9.1")

    @pytest.mark.parametrize(
        ("old", "new", "version"),
        [
            ("0.2", "0.3", "0.3.0"),
            ("0.2.0", "0.3.0", "0.3.0"),
            ("v0.2.*", "v0.3.*", "0.3.0"),
            ("`0.2.x`", "`0.3.x`", "0.3.0"),
            ("**0.2.x** (latest)", "**0.3.x** (latest)", "0.3.0"),
            ("Latest minor (`0.2.x`)", "Latest minor (`0.3.x`)", "0.3.0"),
            ("0.2.x series", "0.3.x series", "0.3.0"),
            ("0.x", "1.x", "1.0.0"),
            ("2026.9", "2026.11", "2026.11.1"),
        ],
    )
    def test_the_spelling_stays(self, old: str, new: str, version: str) -> None:
        rows = "| Version | Supported |\n|-|-|\n| {} | yes |\n"
        becomes(rows.format(old), rows.format(new), version)

    def test_an_inclusive_bound_becomes_what_dropped_out(self) -> None:
        rows = "| Version | Supported |\n|-|-|\n| 0.2.x | yes |\n| <= 0.1.x | no |\n"
        after = rows.replace("0.2.x", "0.3.x").replace("0.1.x", "0.2.x")
        becomes(rows, after, "0.3.0")

    def test_a_bound_and_rows_further_down_stay(self) -> None:
        rows = "| Version | Supported |\n|-|-|\n| 0.5.x | yes |\n| 0.4.x | no |\n| < 0.3 | no |\n"
        becomes(rows, rows.replace("0.5", "0.6"), "0.6.0")


class TestSeveralSupportedSeries:
    def test_the_newest_comes_on_top_and_the_oldest_drops_out(self) -> None:
        after = TWO.replace("6.1", "6.2").replace("6.0", "6.1")
        becomes(TWO, after, "6.2.0", "6.1.3")

    def test_the_order_of_the_table_is_kept(self) -> None:
        rows = "| Version | Supported |\n|-|-|\n| 6.0.x | yes |\n| 6.1.x | yes |\n"
        after = "| Version | Supported |\n|-|-|\n| 6.1.x | yes |\n| 6.2.x | yes |\n"
        becomes(rows, after, "6.2.0")

    def test_what_the_lines_say_stays_with_their_rank(self) -> None:
        rows = "|Version|Security support|Updates|\n|-|-|-|\n|0.3.x|yes|yes|\n|0.2.x|yes|no|\n"
        after = "|Version|Security support|Updates|\n|-|-|-|\n|0.4.x|yes|yes|\n|0.3.x|yes|no|\n"
        becomes(rows, after, "0.4.0")

    def test_the_last_series_of_an_older_major_version_stays(self) -> None:
        rows = "| Version | Supported |\n|-|-|\n| 2.1.x | yes |\n| 1.9.x | yes |\n"
        becomes(rows, rows.replace("2.1", "2.2"), "2.2.0")

    def test_a_release_of_an_older_line_changes_its_own_row(self) -> None:
        rows = "| Version | Supported |\n|-|-|\n| 2.1.x | yes |\n| 1.3.x | yes |\n"
        becomes(rows, rows.replace("1.3", "1.4"), "1.4.0", "1.3.9")

    def test_major_versions_change_on_a_major_release_alone(self) -> None:
        rows = "| Version | Supported |\n|-|-|\n| 2.x | yes |\n| 1.x | yes |\n| < 1.0 | no |\n"
        assert edited(table(rows), "2.1.0", "2.0.0") == table(rows)
        after = "| Version | Supported |\n|-|-|\n| 3.x | yes |\n| 2.x | yes |\n| < 2.0 | no |\n"
        becomes(rows, after, "3.0.0", "2.7.1")


class TestUnchanged:
    @pytest.mark.parametrize("version", ["0.2.5", "0.3.0rc1", "0.3.0.dev1", "1.0a1"])
    def test_patch_and_pre_releases_change_nothing(self, version: str) -> None:
        assert edited(table(ONE), version, "0.2.4") == table(ONE)

    def test_the_release_after_a_candidate_counts_from_the_table(self) -> None:
        assert edited(table(ONE), "0.3.0", "0.3.0rc2") == table(ONE.replace("0.2", "0.3"))

    def test_a_first_release_that_is_supported_changes_nothing(self) -> None:
        assert edited(table(ONE), "0.2.0", None) == table(ONE)

    @pytest.mark.parametrize(
        "rows",
        [
            "| Version | Supported |\n|-|-|\n| latest | yes |\n| older | no |\n",
            "| Version | Supported |\n|-|-|\n| >= 0.2 | yes |\n| < 0.2 | no |\n",
            "| Version | Supported |\n|-|-|\n| 0.2+ | yes |\n| `< 0.2` | :x: |\n",
            "| Version | Supported |\n|-|-|\n| 0.2 and newer | yes |\n",
            "| Version | Supported |\n|-|-|\n| main | best effort |\n",
            "| Python | Supported |\n|-|-|\n| 3.12 | yes |\n",
            "| Version | Supported |\n|-|-|\n| Python 3.12 | yes |\n",
            "| Severity | Target |\n|-|-|\n| high | 7 days |\n",
            "| Version | Supported |\n\n| 0.2.x | yes |\n",
        ],
    )
    def test_tables_that_stay_true_or_are_about_something_else(self, rows: str) -> None:
        assert edited(table(rows), "0.3.0", "0.2.0") == table(rows)
        assert judged(table(rows), "0.3.0") == []

    def test_text_without_a_table(self) -> None:
        text = "# Security\n\nOnly the 0.2.x line is supported.\n"
        assert edited(text, "0.3.0") == text
        assert edited("", "0.3.0") == ""

    @pytest.mark.parametrize(("before", "after"), [("```\n", "```\n"), ("<!--\n", "-->\n")])
    def test_a_table_in_a_fence_or_a_comment(self, before: str, after: str) -> None:
        text = before + textwrap.dedent(ONE) + after
        assert edited(text, "0.3.0") == text


class TestRefused:
    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (
                "| 1.0.x, 1.1.x | yes |\n",
                "SECURITY.md:7: '1.0.x, 1.1.x' names no version in a know",
            ),
            ("| 1.1.x | yes |\n| 1.0.x | maybe |\n", ":8: whether 1.0.x is supported is not clear"),
            ("| 1.1.x | yes |\n| < 1.0 | yes |\n", ":8: whether < 1.0 is supported is not clear"),
            (
                "| 1.1.x | yes |\n| 1.2.x | no |\n",
                "SECURITY.md:8: 1.2.x is listed, and not as supp",
            ),
            ("| 1.1.x | no |\n", "SECURITY.md:6: no row can become that of 1.2"),
            ("| 2.0.x | yes |\n", "SECURITY.md:6: no row can become that of 1.2"),
            ("| 1.1.x | yes, until 2027 |\n", ":7: the row of 1.1.x says more than whether"),
        ],
    )
    def test_a_table_that_is_understood_in_part(self, rows: str, message: str) -> None:
        assert message in refused(f"| Version | Supported |\n|-|-|\n{rows}", "1.2.0")

    def test_unless_nothing_has_to_change(self) -> None:
        rows = "| Version | Supported |\n|-|-|\n| 1.2.x | yes |\n| 1.1.x | maybe |\n"
        assert edited(table(rows), "1.2.0") == table(rows)

    def test_every_row_is_reported(self) -> None:
        rows = "| Version | Supported |\n|-|-|\n| 1.1.x | yes |\n| 1.0 | ? |\n| 0.9 | ? |\n"
        assert refused(rows, "1.2.0").count("is not clear") == 2


class TestJudgement:
    def test_a_series_that_is_not_listed_is_reported_at_the_newest_row(self) -> None:
        assert judged(table(ONE), "0.2.7") == []
        assert judged(table(ONE), "0.3.0") == [
            "7: the table of supported versions does not list 0.3 as supported"
        ]
        assert judged(table(ONE), "0.1.0") != []

    def test_a_pre_release_need_not_be_listed(self) -> None:
        assert judged(table(ONE), "0.3.0rc1") == []

    def test_what_looks_like_a_table_within_one_is_rows_of_it(self) -> None:
        rows = "| Version | Supported |\n|---|---|\n"
        (found,) = security_policy.tables(f"{rows}| 1.2.x | yes |\n{rows * 1000}")
        assert [row.said for row in found.rows[:3]] == ["1.2.x", "Version", "---"]

    def test_a_table_that_is_understood_in_part_is_not_judged(self) -> None:
        rows = "| Version | Supported |\n|-|-|\n| 0.1.x, 0.3.x | yes |\n| 0.2.x | yes |\n"
        assert judged(table(rows), "0.3.0") == []


@settings(max_examples=200)
@given(
    st.tuples(st.integers(0, 30), st.integers(0, 30)),
    st.sampled_from(["yes", ":white_check_mark:", "✅ actively", "supported"]),
    st.sampled_from(["", "v"]),
    st.sampled_from(["", ".x", ".*"]),
    st.lists(
        st.sampled_from(["Text 0.2.x.\n", "\r\n", "| a | b |\r\n", "\u2028 \x0c\n", "- 1.0 | ü\n"]),
        max_size=5,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
)
def test_only_the_versions_in_the_table_change(
    series: tuple[int, int],
    mark: str,
    prefix: str,
    wild: str,
    around: list[str],
    end: str,
    bom: bool,
    last: bool,
) -> None:
    major, minor = series

    def written(number: str) -> str:
        rows = ["Version|Supported", "-|-", f"{prefix}{number}{wild}|{mark}", f"<{number}|:x:"]
        lines = "".join(around) + "\n" + end.join(rows)
        return "\ufeff" * bom + lines + (end + end + "".join(around) if last else "")

    after = edited(written(f"{major}.{minor}"), f"{major}.{minor + 1}.0", f"{major}.{minor}.4")
    assert after == written(f"{major}.{minor + 1}")
