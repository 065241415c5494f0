"""Shell is read by shfmt, many texts at once, and what it cannot read is said."""

from __future__ import annotations

import importlib.metadata
import random
import sys
from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.text import shell
from release.text.shell import Command, Script, Statement

PIECES = (
    *"ab \n\t'\"`$(){}[]<>|&;#\\=!1",
    *("a\n", "a b; ", "if ", "then ", "fi\n", "do ", "done\n", "case x in ", "esac", "((", "))"),
    *("<<E\n", "\nE\n", "x=(", "$(", "${x", "$'", "${{ x", "}}", "f() ", "\r\n", ":\n"),
)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered of other tests, nor of where shfmt is."""
    monkeypatch.setattr(shell, "_known", {})
    monkeypatch.setattr(shell, "program", shell.program.__wrapped__)


def commands(script: Script) -> list[Command]:
    """The simple commands of the outermost lists."""
    return [
        command
        for statement in script.statements
        for _, pipeline in statement.items
        for command in pipeline.commands
        if not command.kind
    ]


def one(text: str) -> Command:
    (command,) = commands(shell.read(text))
    return command


def group(text: str) -> Command:
    (statement,) = shell.read(text).statements
    command = statement.items[0][1].commands[0]
    assert command.kind
    return command


def standing_in(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a program of Python's stand in for shfmt."""
    program = folder / "shfmt"
    program.write_text(f"#!{sys.executable}\nimport sys, time\n{text}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(shell, "program", lambda: program)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a 'b c' \"d $e\" f\\ g", ("a", "b c", "d $e", "f g")),
        ("a $'it\\'s \\x41\\u00e9\\101\\n'", ("a", "it's A\u00e9A\n")),
        ('a "b\\"c\\d"', ("a", 'b"c\\d')),
        ("A=1 B+='2 3' a", ("A=1", "B+=2 3", "a")),
        ("2>&1 a >b < c", ("2>&1", "a", ">b", "<", "c")),
        ("a <<E b\nc\nE", ("a", "b")),
        ('a ${x:-"b}c"} d', ("a", '${x:-"b}c"}', "d")),
        ("[[ ! ($a == b && c) ]]", ("[[", "!", "(", "$a", "==", "b", "&&", "c", ")", "]]")),
        ("(( a + 1 ))", ("((", "a + 1")),
        ("let a=1", ("let", "a=1")),
        ("export -x A='b c' D", ("export", "-x", "A=b c", "D")),
        ("a=(b 'c d')", ("a=(b 'c d')",)),
        ("a ${{ b && 'c }} d' }}_e", ("a", "${{ b && 'c }} d' }}_e")),
        ("a ''", ("a", "")),
    ],
)  # fmt: skip
def test_words_lose_their_quotes_and_keep_what_only_a_run_can_tell(
    text: str, words: tuple[str, ...]
) -> None:
    assert one(text).words == words


def test_commands_know_their_line_and_what_is_substituted() -> None:
    script = shell.read("a\r\n  b \u00e9 $(c) <<-E | d\n\t$(f)\n\tE\n! g &\n")
    a, b, d, g = commands(script)
    assert [c.line for c in (a, b, d, g)] == [1, 2, 2, 5]
    assert b.bare.split() == ["b", "\u00e9"]
    assert [x.words for x in commands(Script(b.inner))] == [("c",), ("f",)]
    assert b.given == "$(f)"
    assert (script.statements[-1].background, script.statements[-1].items[0][1].negated) == (
        True,
        True,
    )


def test_lists_keep_their_operators() -> None:
    (statement,) = shell.read("a && b | c |& d || ! e").statements
    assert [operator for operator, _ in statement.items] == ["", "&&", "||"]
    assert [len(pipeline.commands) for _, pipeline in statement.items] == [1, 3, 1]
    assert [pipeline.negated for _, pipeline in statement.items] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "kind", "parts", "words"),
    [
        ("{ a; b; }", "{", 1, ()),
        ("(a)", "(", 1, ()),
        ("if a; then b; elif c; then d; else e; fi", "if", 5, ()),
        ("while a; do b; done", "while", 2, ()),
        ("until a; do b; done", "until", 2, ()),
        ("for a in b 'c d'; do e; done", "for", 1, ("a", "b", "c d")),
        ("for ((;;)); do a; done", "for", 1, ("",)),
        ("case $a in b|'c') d;; *) e;& esac", "case", 2, ("$a", "b", "c", "*")),
        ("a() { b; }", "function", 1, ("a",)),
    ],
)
def test_compound_commands_hold_lists(
    text: str, kind: str, parts: int, words: tuple[str, ...]
) -> None:
    found = group(f"{text} > out")
    assert (found.kind, len(found.parts), found.words) == (kind, parts, words)
    assert all(isinstance(statement, Statement) for part in found.parts for statement in part)


@pytest.mark.parametrize(
    ("text", "fault", "line"),
    [
        ("a\nif b; then\nfi", "`then` must be followed by a statement list", 2),
        ("a 'b", "reached EOF without closing quote `'`", 1),
        ("a\0b", "holds a NUL character", 1),
        ("a" * 64_001, "is longer than 64 kB", 1),
        ("{ " * 600 + "a;" + "}; " * 600, "is nested too deeply", 1),
        ("$(" * 3_000 + ")" * 3_000, "is nested too deeply", 1),
        ("(" * 64_000, "is too much for shfmt", 1),
    ],
)
def test_what_cannot_be_read_says_why_and_where(text: str, fault: str, line: int) -> None:
    assert shell.read(text) == Script(fault=fault, line=line)


def test_a_text_that_is_not_complete_takes_nothing_of_the_next() -> None:
    texts = ["echo 'a", "twine upload x", "b'", "cat <<E", "c", "E", "d &&", "f", "g \\", "{", "}"]
    found = shell.read_all(texts)
    assert [bool(script.fault) for script in found] == [
        *(True, False, True, True, False, False, True, False, False, True, True),
    ]
    assert found == [shell._read_batch([shell._Text(text)])[0] for text in texts]


def test_texts_that_are_read_together_say_the_same_as_alone() -> None:
    dice = random.Random(1)  # noqa: S311
    texts = ["".join(dice.choices(PIECES, k=dice.randint(0, 9))) for _ in range(200)]
    found = shell.read_all(texts)
    assert sum(not script.fault for script in found) > 20
    assert found == [shell._read_batch([shell._Text(text)])[0] for text in texts]


def test_many_texts_take_few_processes_and_none_is_read_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    run = shell._run
    monkeypatch.setattr(shell, "_run", lambda data: calls.append(len(data)) or run(data))  # type: ignore[func-returns-value]
    texts = [f"echo {number}" for number in range(500)]
    found = [command.words for script in shell.read_all(texts) for command in commands(script)]
    assert found == [("echo", str(number)) for number in range(500)]
    assert shell.read_all(texts[::-1])[0] == shell.read("echo 499")
    assert len(calls) == 1


def test_nothing_to_read_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "_run", lambda data: pytest.fail("started"))
    assert shell.read_all([]) == []


def test_shfmt_is_the_one_that_was_installed_with_this_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    assert shell.program().is_file()
    assert one("a").words == ("a",)


def test_without_shfmt_nothing_can_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(CannotCheck, match="not installed") as caught:
        shell.read("a")
    assert "shfmt-py" in caught.value.reason


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sys.exit('nonsense')", "failed: nonsense"),
        ("sys.exit('goroutine 1')", "failed: goroutine 1"),
        ("sys.exit(3)", "failed: exit status 3"),
        ("print('{')", "not JSON"),
        ("print('{\"Stmts\": [{}]}')", "printed no"),
        ("time.sleep(60)", "was stopped after"),
    ],
)
def test_a_shfmt_that_fails_checks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    monkeypatch.setattr(shell, "TIMEOUT", 1.0)
    standing_in(tmp_path, text, monkeypatch)
    with pytest.raises(CannotCheck, match=why):
        shell.read("a")


def test_a_shfmt_that_cannot_be_started_checks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "program", lambda: tmp_path / "shfmt")
    with pytest.raises(CannotCheck, match="cannot be run"):
        shell.read("a")
