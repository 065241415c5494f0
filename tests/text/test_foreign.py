"""What others wrote is read within limits of time, memory and depth."""

from __future__ import annotations

import tomllib
import tracemalloc

import pytest

from release.text import python, toml, yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("read", [yaml.load, yaml.compose, yaml.check])
@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        (BOMB, "stands for more than 100,000 values", 6),
        ("a: &a {x: 1}\n" + "b: {<<: [" + "*a, " * 60_000 + "*a]}\n", "stands for more than", 2),
        ("a: &a [*a]\n", r"\*a stands for no value before it", 1),
        ("a: *a\n", r"\*a stands for no value before it", 1),
        ("- " * 5_000, "is nested too deeply", 1),
        ("[" * 5_000, "is nested too deeply", 1),
        ("{a: " * 5_000, "is nested too deeply", 1),
        ("a: 1\nb: [", "is not valid YAML", 2),
        ("a: \x00\n", "is not valid YAML", 1),
        ("x" * 5_000_001, "is larger than 5 MB", None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bomb_of_yaml_is_refused_with_its_line(
    read: object, text: str, reason: str, line: int | None
) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(yaml.Malformed, match=f"^{reason}") as caught:
            read(text)  # type: ignore[operator]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.line == line
    assert peak < 50_000_000


@pytest.mark.parametrize(
    "text", ["a: 2024-13-45", "!!int x", "!!bool x", "!!timestamp x", "{[a]: b}", "a: 1\n---\nb: 1"]
)
def test_a_value_of_yaml_that_cannot_be_is_no_traceback(text: str) -> None:
    with pytest.raises(yaml.Malformed, match="is not valid YAML"):
        yaml.load(text)


def test_aliases_within_the_limits_are_followed() -> None:
    assert yaml.load("a: &a [1, 2]\nb: *a\nc: {<<: {d: *a}}") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": {"d": [1, 2]},
    }
    assert yaml.load("") is None


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 400 + "]" * 400,
        "a = " + "[" * 5_000 + "]" * 5_000,
        ".".join("a" * 500) + " = 1",
        "a = " + "{a = " * 300 + "1" + "}" * 300,
    ],
    ids=["lists", "deeper lists", "dotted keys", "tables"],
)
def test_deep_nesting_in_toml_is_an_error_of_its_own(text: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError, match="it is nested too deeply"):
        toml.loads(text)


@pytest.mark.parametrize("text", ["(" * 1_000 + ")" * 1_000, "-" * 20_000 + "1", "a = '\0'"])
def test_python_that_the_parser_gives_up_on_is_a_syntax_error(text: str) -> None:
    with pytest.raises(SyntaxError):
        python.parse(text)


def test_lines_of_many_keys_are_found_by_parsing_each_statement_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed = 0
    real = tomllib.loads

    def counted(text: str, **options: object) -> object:
        nonlocal parsed
        parsed += len(text)
        return real(text, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(tomllib, "loads", counted)
    source = "[tool.release]\n" + "".join(f"key-{number} = 1\n" for number in range(2_000))
    found = [toml.line_of(source, ("tool", "release", f"key-{n}")) for n in range(2_000)]
    assert found == list(range(2, 2_002))
    assert parsed < 5 * len(source)


def test_the_line_after_a_long_list_takes_time_in_proportion() -> None:
    source = "a = [\n" + "  'x',\n" * 20_000 + "]\nb = 1\n"
    assert toml.line_of(source, ("b",)) == 20_003


def test_a_line_separator_within_a_comment_or_a_text_ends_no_line_of_toml() -> None:
    assert toml.line_of("# a\u2028b c\na = 'x\x85y'\nb = 1\n", ("b",)) == 3
