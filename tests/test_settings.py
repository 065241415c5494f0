"""[tool.release]: every problem at once, each with its line and the nearest valid key."""

from __future__ import annotations

import json
import textwrap
import tomllib
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.errors import ConfigurationError
from release.gates.audit.settings import AuditSettings
from release.registry import installed
from release.settings import (
    GateSettings,
    Settings,
    environment_is_ci,
    json_schema,
    parse,
)
from release.text.toml import line_of


def settings(text: str) -> Settings:
    source = textwrap.dedent(text)
    return parse(tomllib.loads(source).get("tool", {}).get("release", {}), source)


def problems(text: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        settings(text)
    return [(p.line, p.message, p.remedy or "") for p in caught.value.problems]


def test_no_table_gives_working_defaults() -> None:
    found = settings("")
    assert found.tag == "v{version}"
    assert found.publish
    assert found.gates.of("audit", AuditSettings).service == "pypi"
    assert not found.gates.own


def test_every_problem_is_reported_at_once_with_its_line() -> None:
    found = problems(
        """\
        [tool.release]
        braanch = "main"
        tag = "v"

        [tool.release.gates.lint]
        timeout = "soon"

        [[tool.release.gates.audit.ignore]]
        id = "PYSEC-1"
        reson = "typo"
        expires = 2026-01-01

        [tool.release.gates.doctor]
        run = ["doctor"]
        needs = ["buidl"]
        """
    )
    assert [(line, message.split(":")[0]) for line, message, _ in found] == [
        (2, "unknown key 'braanch' in [tool.release]"),
        (3, "tool.release.tag"),
        (6, "tool.release.gates.lint.timeout"),
        (8, "[tool.release.gates.audit.ignore] lacks 'reason'"),
        (10, "unknown key 'reson' in [tool.release.gates.audit.ignore]"),
        (15, "gate 'doctor' needs 'buidl', which is not a gate"),
    ]
    remedies = [remedy for _, _, remedy in found]
    assert remedies[0] == "did you mean 'branch'?"
    assert remedies[4] == "did you mean 'reason'?"
    assert remedies[5] == "did you mean 'build'?"


def test_a_misspelt_gate_is_told_from_a_gate_of_ones_own() -> None:
    (line, message, remedy), *_ = problems("[tool.release.gates.biuld]\nrequired = 'ci'\n")
    assert (line, remedy) == (1, "did you mean 'build'?")
    assert "is not a gate, and has no run" in message
    (_, _, remedy), *_ = problems("[tool.release.gates.doctor]\nrequired = 'ci'\n")
    assert "run" in remedy


def test_an_unknown_key_without_a_near_one_lists_the_valid_ones() -> None:
    ((_, _, remedy),) = problems("[tool.release]\nzzz = 1\n")
    assert remedy.startswith("valid keys: ")
    assert "by-products" in remedy


@pytest.mark.parametrize(
    "command",
    [
        "a && b",
        "a | b",
        "a; b ; c",
        "a > out",
        "a 2>&1",
        "echo $(id)",
        "echo `id`",
        "a || true",
        "'",
    ],
)
def test_shell_syntax_in_a_command_is_refused(command: str) -> None:
    text = f"[tool.release.gates.lint]\nrun = [{json.dumps(command)}]\n"
    assert [line for line, _, _ in problems(text)] == [2]


def test_gates_that_need_each_other_are_named() -> None:
    found = problems(
        """\
        [tool.release.gates.first]
        run = ["a"]
        needs = ["second"]
        [tool.release.gates.second]
        run = ["b"]
        needs = ["first"]
        """
    )
    assert "first needs second" in found[0][1] or "second needs first" in found[0][1]


def test_a_gate_cannot_take_the_name_of_an_action() -> None:
    assert "session" in problems("[tool.release.gates.bump]\nrun = ['x']\n")[0][1]


def test_commands_are_lists_of_words_however_they_are_written() -> None:
    found = settings(
        """\
        [tool.release.gates.doctor]
        run = ["mytool doctor 'two words'", ["mytool", "a && b"]]
        """
    )
    assert found.gates.own["doctor"].run == (
        ("mytool", "doctor", "two words"),
        ("mytool", "a && b"),
    )


def test_a_label_is_one_label() -> None:
    ((line, message, _),) = problems('[tool.release]\nblocking-label = "a, b"\n')
    assert line == 2
    assert "must be one label, without a comma" in message
    assert settings('[tool.release]\nblocking-label = "a b"\n').blocking_label == "a b"


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "C:/x", "a\\..\\..\\x", ""])
def test_a_path_out_of_the_repository_is_refused(path: str) -> None:
    text = f"[tool.release.changelog]\nfile = {json.dumps(path)}\n"
    assert "inside the repository" in problems(text)[0][1]


@pytest.mark.parametrize(
    "tag",
    ["release", "{version}{version}", "{v}{version}", "-{version}", "a b{version}", "{version}."],
)
def test_a_tag_template_that_makes_no_tag_is_refused(tag: str) -> None:
    assert problems(f"[tool.release]\ntag = {json.dumps(tag)}\n")


@pytest.mark.parametrize("name", ["Doctor", "my-gate", "1st", "a.b"])
def test_a_gate_name_that_makes_no_session_is_refused(name: str) -> None:
    found = problems(f"[tool.release.gates.{json.dumps(name)}]\nrun = ['x']\n")
    assert "lower-case" in found[0][1]


def test_an_ignored_vulnerability_has_a_reason_and_a_last_day() -> None:
    found = settings(
        """\
        [[tool.release.gates.audit.ignore]]
        id = "PYSEC-2024-1"
        reason = "not reachable from our code"
        expires = 2026-12-31
        """
    )
    assert found.gates.of("audit", AuditSettings).ignore[0].expires == date(2026, 12, 31)


def test_an_audit_counts_for_a_day_at_most() -> None:
    assert (
        settings("[tool.release.gates.audit]\nvalid-hours = 24\n").gates.tables["audit"].valid_hours
        == 24
    )
    assert problems("[tool.release.gates.audit]\nvalid-hours = 25\n")
    assert (
        settings("[tool.release.gates.lint]\nvalid-hours = 25\n").gates.tables["lint"].valid_hours
        == 25
    )


def test_settings_of_any_gate_are_found_by_its_name() -> None:
    found = settings(
        """\
        [tool.release.gates.build]
        timeout = 5
        [tool.release.gates.doctor]
        run = ["x"]
        timeout = 6
        """
    )
    assert found.gates.of("build", GateSettings).timeout == 5
    assert found.gates.of("doctor", GateSettings).timeout == 6
    assert found.gates.of("written_in_python", GateSettings).timeout == 900


KEY = st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True)


@given(before=st.lists(st.tuples(KEY, st.integers()), unique_by=lambda item: item[0]), key=KEY)
def test_the_line_of_a_key_is_found_among_others(before: list[tuple[str, int]], key: str) -> None:
    others = [(name, value) for name, value in before if name != key]
    lines = [
        "[tool.release]",
        *(f"{name} = {value}" for name, value in others),
        f"{key} = 1",
        "# end",
    ]
    assert line_of("\n".join(lines), ("tool", "release", key)) == len(lines) - 1


@pytest.mark.parametrize(
    ("source", "keys", "line"),
    [
        ("a = 1\n[tool.release]\nx = 1\n", ("tool", "release"), 2),
        (
            "[tool]\nrelease.gates.build.timeout = 1\n",
            ("tool", "release", "gates", "build", "timeout"),
            2,
        ),
        ("[tool.release]\nrun = [\n 'a',\n]\nz = 1\n", ("tool", "release", "run"), 2),
        (
            "[tool.release]\nnote = '''\nbranch = 3\n'''\nbranch = 1\n",
            ("tool", "release", "branch"),
            5,
        ),
        ("[tool.release]\n'quoted' = 1\n", ("tool", "release", "quoted"), 2),
        ("[tool.release]\nx = {y = 1}\n", ("tool", "release", "x", "y"), 2),
        ("[tool.release]\nx = 1\n", ("tool", "release", "missing"), 1),
        ("x = 1\n", ("tool",), None),
    ],
)
def test_lines_are_found_in_every_spelling_of_toml(
    source: str, keys: tuple[str, ...], line: int | None
) -> None:
    assert line_of(source, keys) == line


def test_the_schema_is_draft_7_and_judges_as_the_model_does() -> None:
    import jsonschema

    schema = json_schema()
    validator = jsonschema.Draft7Validator(schema)
    jsonschema.Draft7Validator.check_schema(schema)
    good = {"gates": {"build": {"expected": ["a"]}, "doctor": {"run": ["x y", ["z"]]}}}
    assert not list(validator.iter_errors(good))
    parse(good, "")
    bad: Any
    for bad in (
        {"braanch": "x"},
        {"gates": {"build": {"expectd": []}}},
        {"gates": {"doctor": {}}},
        {"gates": {"lint": {"timeout": 0}}},
    ):
        assert list(validator.iter_errors(bad)), bad
        with pytest.raises(ConfigurationError):
            parse(bad, "")


def test_the_schema_serves_validate_pyproject() -> None:
    from validate_pyproject import api, errors
    from validate_pyproject.plugins import list_from_entry_points

    plugin = [item for item in list_from_entry_points() if item.tool == "release"]
    assert plugin, "the entry point validate_pyproject.tool_schema is not found"
    validate = api.Validator(plugins=plugin)
    pyproject = {"project": {"name": "x", "version": "1"}, "tool": {"release": {"branch": "main"}}}
    validate(pyproject)
    pyproject["tool"] = {"release": {"braanch": "main"}}
    with pytest.raises(errors.ValidationError, match="braanch"):
        validate(pyproject)


def test_the_gates_in_settings_are_the_gates_there_are() -> None:
    documented = set(json_schema()["properties"]["gates"]["properties"])
    assert documented == set(installed())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("true", True),
        ("1", True),
        ("woodpecker", True),
        ("", False),
        ("0", False),
        ("False", False),
    ],
)
def test_ci_is_recognised_by_its_variable(value: str, expected: bool) -> None:
    assert environment_is_ci({"CI": value}) is expected
    assert not environment_is_ci({})
