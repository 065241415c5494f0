"""CITATION.cff: a release edits four places and nothing else."""

from __future__ import annotations

from datetime import date

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release.errors import ConfigurationError
from release.gates.documents import citation

DAY = date(2026, 11, 21)
WHOLE = """\
# How to cite this.
cff-version: 1.2.0
message: "Cite it as version: 1.2.0."
title: Small thing
version: 1.2.0  # bumped by hand until now
date-released: 2026-01-02
authors:
  - name: The maintainers
references:
  - type: software
    title: another thing
    version: 1.2.0
    date-released: 2026-01-02
preferred-citation:
  type: software
  title: 'Small thing'
  version: '1.2.0'
  date-released: "2026-01-02"
"""


def edited(text: str, version: str = "1.3.0") -> str:
    return citation.with_release(text, "CITATION.cff", version, DAY)


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        edited(text)
    assert all(problem.remedy for problem in caught.value.problems)
    return [str(problem).splitlines()[0] for problem in caught.value.problems]


def test_four_places_change_and_nothing_else() -> None:
    wanted = WHOLE.splitlines(keepends=True)
    wanted[4] = "version: 1.3.0  # bumped by hand until now\n"
    wanted[5] = "date-released: 2026-11-21\n"
    wanted[16] = "  version: '1.3.0'\n"
    wanted[17] = '  date-released: "2026-11-21"\n'
    assert edited(WHOLE) == "".join(wanted)


def test_editing_twice_changes_nothing_more() -> None:
    assert edited(edited(WHOLE)) == edited(WHOLE)


def test_what_is_missing_is_not_added() -> None:
    text = "cff-version: 1.2.0\ntitle: x\n"
    assert edited(text) == text
    assert edited("preferred-citation:\n  type: article\n") == (
        "preferred-citation:\n  type: article\n"
    )


def test_the_date_of_another_work_stays() -> None:
    article = "preferred-citation:\n  type: article\n  date-released: 2019-05-06\n"
    assert edited(article) == article
    both = article + "  version: 1.2.0\n"
    assert edited(both) == both.replace("2019-05-06", "2026-11-21").replace("1.2.0", "1.3.0")


@pytest.mark.parametrize(
    ("old", "version", "new"),
    [
        ("1.2.0", "1.3.0", "1.3.0"),
        ("'1.2.0'", "1.3.0", "'1.3.0'"),
        ('"1.2.0"', "1.3.0", '"1.3.0"'),
        ("v1.2.0", "1.3.0", "v1.3.0"),
        ("1.2", "1.3", "1.3"),
        ("1.2", "2", "2"),
        ("1.9", "1.10", '"1.10"'),
        ("1.9.1", "2.0", '"2.0"'),
        ("v1.9", "1.10", "v1.10"),
        ("'1.9'", "1.10", "'1.10'"),
        ("1.2", "1.3.0rc1", "1.3.0rc1"),
        ("1.2", "1!2.0", "1!2.0"),
        ("1.2", "0_1: #", '"0_1: #"'),
        ("!!str 1.2", "1.3.0", "!!str 1.3.0"),
        ("&here 1.2", "1.3.0", "&here 1.3.0"),
    ],
)
def test_quotes_stay_unless_yaml_would_read_another_version(
    old: str, version: str, new: str
) -> None:
    assert edited(f"version: {old} # c\n", version) == f"version: {new} # c\n"


def test_flow_mappings_are_edited() -> None:
    text = "{title: x, version: 1.2.0, preferred-citation: {type: software, version: '1.2.0'}}"
    assert edited(text) == text.replace("1.2.0", "1.3.0")


def test_aliases_among_the_places_follow() -> None:
    text = "version: &v 1.2.0\npreferred-citation:\n  type: software\n  version: *v\n"
    assert edited(text) == text.replace("1.2.0", "1.3.0")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "CITATION.cff:1: is not a mapping"),
        ("- version: 1\n", "CITATION.cff:1: is not a mapping"),
        ("version: [1\n", "CITATION.cff:2: is not valid YAML"),
        ("version: 1\n---\nversion: 2\n", "found another document"),
        ("version: 1\ntitle: x\nversion: 2\n", "CITATION.cff:3: states version twice"),
        (
            "preferred-citation:\n  version: 1\n  version: 2\n",
            ":3: states preferred-citation.versi",
        ),
        ("version: |\n  1.2.0\n", "CITATION.cff:1: version is not a text on one line"),
        ("version: 1.2\n  .0\n", "CITATION.cff:1: version is not a text on one line"),
        ("version: '1.2\n  .0'\n", "CITATION.cff:1: version is not a text on one line"),
        ("version: [1, 2]\n", "CITATION.cff:1: version is not a text on one line"),
        ("title: x\nversion:\n", "CITATION.cff:2: version is not a text on one line"),
        ("version: !!float 1\n", "CITATION.cff:1: version is not a text on one line"),
        ("title: &t x\nversion: *t\n", "cannot be replaced without changing something else"),
        (
            "version: &v 1\nreferences:\n  - version: *v\n",
            "cannot be replaced without changing something else",
        ),
        (
            "preferred-citation: &p {version: 1}\nreferences: [*p]\n",
            "cannot be replaced without changing something else",
        ),
        (
            "x: &p {version: 1}\npreferred-citation: *p\n",
            "cannot be replaced without changing something else",
        ),
        ("x: &p {version: 1}\n<<: *p\n", "CITATION.cff:2: merges other keys"),
        ("version: \x00\n", "CITATION.cff:1: is not valid YAML"),
        ("a: " + "[" * 200 + "]" * 200, "CITATION.cff:1: is nested too deeply"),
        ("a: " + "[" * 100_000, "CITATION.cff:1: is nested too deeply"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_its_line(text: str, message: str) -> None:
    assert message in "\n".join(refused(text))


def test_every_problem_is_reported_at_once() -> None:
    assert len(refused("version:\ndate-released: [1]\n")) == 2


LINES = st.sampled_from(
    [
        "# version: 1.2.0\n",
        "cff-version: 1.2.0\r\n",
        "title: Ü \u2028 \U0001f680 x\n",
        "message: 'version: 1.2.0'\r\n",
        "abstract: |\n  version: 1.2.0\n  date-released: 2026-01-02\r\n",
        "\r\n",
        "\n",
        "references:\n- {version: 1.2.0, type: software}\n",
        "keywords: [version, 1.2.0]\n",
    ]
)
PLACES = st.sampled_from(
    [
        "version: <V>\n",
        "version: '<V>'\r\n",
        '"version" : "<V>"   # {v} \n',
        "date-released: <D>\r\n",
        "preferred-citation: {type: software, version: <V>, date-released: '<D>'}\n",
        "preferred-citation:\r\n  type: software\r\n  version: v<V> #\r\n  date-released: <D>\n",
    ]
)


def named(line: str) -> str:
    return line.partition(":")[0].strip().strip('"')


@settings(max_examples=200)
@given(
    st.lists(st.one_of(LINES, PLACES), unique_by=named, min_size=1, max_size=10),
    st.booleans(),
    st.booleans(),
)
def test_the_rest_of_the_file_stays_byte_for_byte(parts: list[str], bom: bool, ends: bool) -> None:
    template = "\ufeff" * bom + "type: software\n" + "".join(parts)
    template = template if ends else template.rstrip("\r\n")

    def filled(version: str, day: str) -> str:
        return template.replace("<V>", version).replace("<D>", day)

    before, after = filled("1.2.0", "2026-01-02"), filled("1.3.0", "2026-11-21")
    assert edited(before) == after
    assert yaml.safe_load(edited(before)) == yaml.safe_load(after)


class TestJudgement:
    def judge(self, text: str, version: str | None = "1.2.0") -> list[str]:
        wanted = Version(version) if version else None
        found = list(citation.judge(text, "CITATION.cff", wanted, DAY))
        assert all(finding.remedy for finding in found)
        return [f"{finding.line}: {finding.message}" for finding in found]

    def test_the_projects_version_and_past_dates_are_right(self) -> None:
        assert self.judge(WHOLE) == []
        assert self.judge("version: v1.2\n") == []
        assert self.judge("title: x\n") == []

    def test_each_other_version_is_reported(self) -> None:
        assert self.judge(WHOLE, "1.3.0") == [
            "5: version is 1.2.0, and the project's version is 1.3.0",
            "17: preferred-citation.version is 1.2.0, and the project's version is 1.3.0",
        ]
        assert self.judge("version: soon\n") == [
            "1: version is soon, and the project's version is 1.2.0"
        ]

    def test_a_version_that_is_not_known_is_not_compared(self) -> None:
        assert self.judge(WHOLE, None) == []

    def test_a_date_in_the_future_is_reported_but_for_the_day_that_began_in_the_east(self) -> None:
        assert self.judge("date-released: 2026-11-22\n") == []
        assert self.judge("date-released: 2026-11-23\n") == [
            "1: date-released is 2026-11-23, which is in the future"
        ]

    def test_licences_are_read_with_their_lines(self) -> None:
        assert citation.licences("title: x\nlicense: MIT\n", "c") == [("MIT", 2)]
        assert citation.licences("license:\n  - MIT\n  - 0BSD\n", "c") == [("MIT", 2), ("0BSD", 3)]
        assert citation.licences(WHOLE, "c") == []
