""".zenodo.json: a release edits two members and nothing else; what Zenodo refuses is found."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from packaging.version import Version

from release.errors import ConfigurationError
from release.gates.documents import zenodo

DAY = date(2026, 11, 21)
WHOLE = """\
{
    "title": "Small thing 1.2.0",
    "version" : "1.2.0",
\t"upload_type":"software",
    "creators": [{"name": "Maintainers, The", "version": "1.2.0"}],
    "publication_date":   "2026-01-02",
    "license": "mit"
}
"""

SCHEMA = Draft7Validator(json.loads(zenodo.SCHEMA.read_text(encoding="utf-8")))


def edited(text: str, version: str = "1.3.0") -> str:
    return zenodo.with_release(text, ".zenodo.json", version, DAY)


def refused(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        edited(text)
    assert all(problem.remedy for problem in caught.value.problems)
    return str(caught.value)


def test_version_and_date_change_and_nothing_else() -> None:
    assert edited(WHOLE) == WHOLE.replace('"version" : "1.2.0"', '"version" : "1.3.0"').replace(
        "2026-01-02", "2026-11-21"
    )


def test_a_v_is_kept_and_what_is_missing_is_not_added() -> None:
    assert edited('{"version":"v1.2.0"}') == '{"version":"v1.3.0"}'
    assert edited('{"title": "x"}\n') == '{"title": "x"}\n'
    assert edited(" {} ") == " {} "


def test_an_escaped_key_is_the_same_key() -> None:
    assert edited('{"vers\\u0069on": "1.2.0"}') == '{"vers\\u0069on": "1.3.0"}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ".zenodo.json:1: cannot be read as JSON"),
        ("[]", ".zenodo.json:1: cannot be read as JSON"),
        ('{\n"a": }', ".zenodo.json:2: cannot be read as JSON"),
        ('{"a": 1,\n}', ".zenodo.json:2: cannot be read as JSON"),
        ('{"a": 1\n"b": 2}', ".zenodo.json:2: cannot be read as JSON"),
        ("{a: 1}", ".zenodo.json:1: cannot be read as JSON"),
        ('{"a": 1}\n\nx', ".zenodo.json:3: cannot be read as JSON: Extra data"),
        ('{"a": 1,\n"a": 2}', ".zenodo.json:2: cannot be read as JSON: it states a twice"),
        ('{"x": [{"a": 1,\n"a": 2}]}', ".zenodo.json:2: cannot be read as JSON: it states a twice"),
        ('{\n"version": 1.2}', ".zenodo.json:2: version is not text"),
        ('{"publication_date": null}', ".zenodo.json:1: publication_date is not text"),
        ('{"a": NaN}', ".zenodo.json: holds a number or nesting"),
        ('{"a": ' + "[" * 200_000, ".zenodo.json: holds a number or nesting"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_its_line(text: str, message: str) -> None:
    assert message in refused(text)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(
    st.dictionaries(st.text(max_size=6), VALUES, max_size=5),
    st.sampled_from([None, 1, 2, "\t"]),
    st.booleans(),
    st.sampled_from(["", "\n", "\r\n", " \r\n\n"]),
    st.booleans(),
    st.booleans(),
)
def test_the_rest_of_the_file_stays_byte_for_byte(
    other: dict[str, Any],
    indent: int | str | None,
    escaped: bool,
    end: str,
    crlf: bool,
    bom: bool,
) -> None:
    def filled(version: str, day: str) -> str:
        data = {"version": version, "x": {"version": "1.2.0"}, **other, "publication_date": day}
        text = json.dumps(data, indent=indent, ensure_ascii=escaped) + end
        return "\ufeff" * bom + (text.replace("\n", "\r\n") if crlf else text)

    if not other.keys() & {"version", "x", "publication_date"}:
        assert edited(filled("1.2.0", "2026-01-02")) == filled("1.3.0", "2026-11-21")


class TestJudgement:
    def judge(self, text: str, version: str | None = "1.2.0") -> list[str]:
        wanted = Version(version) if version else None
        found = list(zenodo.judge(text, ".zenodo.json", wanted, DAY))
        assert all(finding.remedy for finding in found)
        return [f"{finding.line}: {finding.message}" for finding in found]

    def test_a_right_file_has_no_findings(self) -> None:
        assert self.judge(WHOLE) == []
        assert self.judge("{}") == []
        assert self.judge(WHOLE, None) == []

    def test_another_version_and_a_date_in_the_future_are_reported(self) -> None:
        text = WHOLE.replace("2026-01-02", "2026-11-23")
        assert self.judge(text, "1.3.0") == [
            "3: version is 1.2.0, and the project's version is 1.3.0",
            "6: publication_date is 2026-11-23, which is in the future",
        ]

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("upload_type", "Software"),
            ("access_right", "public"),
            ("access_right", "embargoed"),
            ("creators", []),
            ("creators", {"name": "x"}),
            ("creators", ["x"]),
            ("creators", [{"name": "x"}, {"name": " "}]),
            ("contributors", [{"type": "Editor"}]),
            ("license", []),
            ("license", {"name": "MIT"}),
            ("keywords", "a, b"),
            ("keywords", [1]),
            ("publication_date", "02/01/2026"),
            ("publication_date", "2026-02-32"),
            ("communities", ["astro"]),
            ("related_identifiers", [{"identifier": "x"}]),
            ("title", ""),
            ("version", 1.2),
            ("language", "English"),
        ],
    )
    def test_what_zenodo_refuses_is_not_in_the_schema(self, key: str, value: object) -> None:
        assert not SCHEMA.is_valid({key: value})

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("license", {"id": "MIT"}),
            ("publication_date", "2026"),
            ("upload_type", "publication-article"),
            ("creators", [{"name": "x", "orcid": "0000-0002-1825-0097"}]),
            ("keywords", []),
        ],
    )
    def test_what_zenodo_takes_is_right(self, key: str, value: object) -> None:
        assert SCHEMA.is_valid({key: value})

    def test_a_right_file_follows_the_schema(self) -> None:
        Draft7Validator.check_schema(SCHEMA.schema)
        assert SCHEMA.is_valid(json.loads(WHOLE))

    def test_unknown_keys_are_remarks(self) -> None:
        (found,) = zenodo.unknown_keys('{"title": "x",\n "licence": "mit", "$schema": "s"}', "z")
        assert (found.line, found.message) == (2, "licence is not a key that Zenodo reads")

    def test_the_licence_is_read_in_both_of_its_forms(self) -> None:
        assert zenodo.licences(WHOLE, "z") == [("mit", 7)]
        assert zenodo.licences('{"license": {"id": "MIT"}}', "z") == [("MIT", 1)]
        assert zenodo.licences('{"license": 1}', "z") == []
        assert zenodo.licences("{}", "z") == []
