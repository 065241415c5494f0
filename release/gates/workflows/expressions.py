"""Conditions of workflows, evaluated as far as they can be without running anything.

The language is that of GitHub's expressions: literals, contexts, `!`, `&&`, `||`, comparisons and
functions. What depends on the run is UNKNOWN, and the rest follows from it by Kleene's logic.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# Longer ones GitHub refuses.
MAX_LENGTH = 21_000
MAX_DEPTH = 50
TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?(?:0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?))"
    r"|(?P<name>[a-z_][\w-]*)|(?P<operator>==|!=|<=|>=|&&|\|\||[!<>().,*\[\]]))",
    re.I,
)
# Functions of which one is enough for `success()` to be no part of a condition any longer.
STATUS = frozenset(["success", "always", "cancelled", "failure"])


class Unknown:
    """A value that only a run can tell."""


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class StartsWith:
    """Some text that begins with `prefix` and is not empty."""

    prefix: str


Value = None | bool | float | str | StartsWith | Unknown
Context = Callable[[str], Value]


def condition(text: str, context: Context) -> bool | None:
    """Whether the `if:` of a job or a step holds; None when only a run can tell.

    A text around `${{ }}`, be it a line end, makes the whole a text, which always holds.
    """
    if "${{" in text:
        inner = unwrapped(text)
        if inner is None:
            return True
        text = inner
    return truth(evaluate(text, context))


def unwrapped(text: str) -> str | None:
    """The expression of a text that is one `${{ }}` and nothing else; None for other texts."""
    if not text.startswith("${{") or text.find("}}") != len(text) - 2:
        return None
    return text[3:-2]


def overrides(text: str) -> str:
    """The function by which an `if:` holds although something before it failed; empty for none.

    With a function of the status in it, `success()` is no longer implied. Only `success()` itself,
    alone or joined to the rest by `&&`, keeps what is implied without it.
    """
    whole = unwrapped(text) if "${{" in text else text
    tokens = _tokens(whole if whole is not None else re.sub(r"\$\{\{|\}\}", " ", text))
    if tokens is None:
        match = re.search(r"\b(success|always|cancelled|failure)\s*\(", text, re.I)
        return f"{match[1].lower()}()" if match else ""
    depth = 0
    strict = whole is not None and not _has_or(tokens)
    for place, (kind, part) in enumerate(tokens):
        if kind == "operator":
            depth += {"(": 1, ")": -1}.get(part, 0)
        elif kind == "name" and part.lower() in STATUS:
            before = tokens[place - 1][1] if place else "&&"
            behind = [one for _, one in tokens[place + 1 : place + 4]] + ["&&"]
            if behind[0] != "(":
                continue
            plain = behind[1] == ")" and behind[2] == "&&" and before == "&&" and depth == 0
            if part.lower() != "success" or not (strict and plain):
                negated = "!" if before == "!" else ""
                return f"{negated}{part.lower()}()"
    return ""


def _has_or(tokens: Sequence[tuple[str, str]]) -> bool:
    """Whether an expression is a choice, outside of all brackets."""
    depth = 0
    for kind, part in tokens:
        if kind == "operator":
            depth += {"(": 1, ")": -1}.get(part, 0)
            if part == "||" and depth == 0:
                return True
    return False


def _tokens(text: str) -> list[tuple[str, str]] | None:
    """The tokens of an expression; None for what is none."""
    if len(text) > MAX_LENGTH:
        return None
    tokens: list[tuple[str, str]] = []
    place = 0
    end = len(text.rstrip())
    while place < end:
        match = TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            return None
        tokens.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return tokens


def evaluate(text: str, context: Context) -> Value:
    """The value of an expression without its `${{ }}`; UNKNOWN for one that is malformed."""
    tokens = _tokens(text)
    if tokens is None:
        return UNKNOWN
    parser = _Parser(tokens, context)
    try:
        value = parser.either(0)
    except (IndexError, ValueError):
        return UNKNOWN
    return value if parser.place == len(tokens) else UNKNOWN


def truth(value: Value) -> bool | None:
    if isinstance(value, Unknown):
        return None
    if isinstance(value, StartsWith):
        return True
    if isinstance(value, float) and math.isnan(value):
        return False
    return bool(value)


class _Parser:
    def __init__(self, tokens: Sequence[tuple[str, str]], context: Context) -> None:
        self.tokens = tokens
        self.context = context
        self.place = 0

    def next_is(self, *operators: str) -> bool:
        if self.place >= len(self.tokens):
            return False
        kind, text = self.tokens[self.place]
        return kind == "operator" and text in operators

    def take(self, *operators: str) -> bool:
        if not self.next_is(*operators):
            return False
        self.place += 1
        return True

    def demand(self, operator: str) -> None:
        if not self.take(operator):
            raise ValueError(operator)

    def either(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        value = self.both(depth)
        while self.take("||"):
            other = self.both(depth)
            known = truth(value)
            if known is None:
                value = True if truth(other) else UNKNOWN
            elif not known:
                value = other
        return value

    def both(self, depth: int) -> Value:
        value = self.comparison(depth)
        while self.take("&&"):
            other = self.comparison(depth)
            known = truth(value)
            if known is None:
                value = False if truth(other) is False else UNKNOWN
            elif known:
                value = other
        return value

    def comparison(self, depth: int) -> Value:
        value = self.negation(depth)
        while self.next_is("==", "!=", "<", "<=", ">", ">="):
            operator = self.tokens[self.place][1]
            self.place += 1
            other = self.negation(depth)
            value = _compared(value, operator, other)
        return value

    def negation(self, depth: int) -> Value:
        turns = 0
        while self.take("!"):
            turns += 1
        value = self.primary(depth)
        if not turns:
            return value
        known = truth(value)
        return UNKNOWN if known is None else known == (turns % 2 == 0)

    def primary(self, depth: int) -> Value:
        if self.take("("):
            value = self.either(depth + 1)
            self.demand(")")
            return value
        kind, text = self.tokens[self.place]
        self.place += 1
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(int(text, 16)) if "x" in text.lower() else float(text)
        if kind != "name":
            raise ValueError(text)
        name = text.lower()
        if self.take("("):
            arguments: list[Value] = []
            while not self.take(")"):
                arguments.append(self.either(depth + 1))
                if not self.next_is(")"):
                    self.demand(",")
            return _called(name, arguments)
        return self.reference(text, depth)

    def reference(self, name: str, depth: int) -> Value:
        known: dict[str, Value] = {"true": True, "false": False, "null": None, "nan": math.nan}
        parts: list[str] | None = [name]
        while self.next_is(".", "["):
            if self.take("."):
                part = "*" if self.take("*") else self.tokens[self.place][1]
                self.place += part != "*"
            else:
                self.demand("[")
                index = "*" if self.take("*") else self.either(depth + 1)
                self.demand("]")
                part = index if isinstance(index, str) else "*"
            if parts is not None:
                parts = None if part == "*" else [*parts, part]
        if parts is None:
            return UNKNOWN
        if len(parts) == 1 and name.lower() in known:
            return known[name.lower()]
        return self.context(".".join(parts).lower())


def _called(name: str, arguments: Sequence[Value]) -> Value:
    if name == "always" and not arguments:
        return True
    if name in ("startswith", "endswith", "contains") and len(arguments) == 2:
        text, part = arguments
        if isinstance(part, StartsWith | Unknown):
            return UNKNOWN
        piece = _text(part)
        if isinstance(text, Unknown):
            return UNKNOWN
        if isinstance(text, StartsWith):
            prefix = text.prefix.lower()
            if name == "startswith":
                if prefix.startswith(piece):
                    return True
                return UNKNOWN if piece.startswith(prefix) else False
            return True if name == "contains" and piece in prefix else UNKNOWN
        whole = _text(text)
        if name == "contains":
            return piece in whole
        return whole.startswith(piece) if name == "startswith" else whole.endswith(piece)
    if name == "format" and arguments and isinstance(arguments[0], str):
        return _formatted(arguments[0], arguments[1:])
    return UNKNOWN


def _formatted(text: str, arguments: Sequence[Value]) -> Value:
    """What `format` makes of a text, as far as it is known from the start."""
    made = ""
    for number, part in enumerate(re.split(r"\{(\d{1,3})\}", text)):
        if number % 2 == 0:
            if "{" in part or "}" in part:
                return StartsWith(made) if made else UNKNOWN
            made += part
            continue
        if int(part) >= len(arguments):
            return UNKNOWN
        value = arguments[int(part)]
        if isinstance(value, StartsWith | Unknown):
            made += value.prefix if isinstance(value, StartsWith) else ""
            return StartsWith(made) if made else UNKNOWN
        made += value if isinstance(value, str) else _text(value)
        if len(made) > MAX_LENGTH:
            return UNKNOWN
    return made


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return (f"{value:g}" if isinstance(value, float) else str(value)).lower()


def _compared(left: Value, operator: str, right: Value) -> Value:
    a: Any
    b: Any
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return UNKNOWN
    if isinstance(right, StartsWith) and not isinstance(left, StartsWith):
        left, right = right, left
        operator = operator.translate(str.maketrans("<>", "><"))
    if isinstance(left, StartsWith):
        if operator not in ("==", "!="):
            return UNKNOWN
        if isinstance(right, StartsWith):
            a, b = left.prefix.lower(), right.prefix.lower()
            return UNKNOWN if a.startswith(b) or b.startswith(a) else operator == "!="
        if isinstance(right, str) and right and right.lower().startswith(left.prefix.lower()):
            return UNKNOWN
        if not isinstance(right, str) and right is not None:
            return UNKNOWN
        return operator == "!="
    if isinstance(left, str) and isinstance(right, str):
        a, b = left.lower(), right.lower()
    elif type(left) is type(right):
        a, b = left, right
    else:
        a, b = _number(left), _number(right)
    if a is None:
        return operator in ("==", "<=", ">=")
    return bool(
        {
            "==": a == b,
            "!=": a != b,
            "<": a < b,
            "<=": a <= b,
            ">": a > b,
            ">=": a >= b,
        }[operator]
    )


def _number(value: Any) -> float:
    if isinstance(value, str):
        try:
            return float(value.strip() or 0)
        except ValueError:
            return math.nan
    return float(value or 0)
