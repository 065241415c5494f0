"""Reads the rules of a Makefile: recipes and what targets need; variables by their own text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

# Beyond it, what a target needs is not followed.
MAX_TARGETS = 300
# What may stand before a line of a recipe: silent, ignored where it fails, run in any case.
SIGNS = "@-+ "
ITSELF = re.compile(r"[@+\s-]*(?:\$[({]MAKE[)}]|make)\s+(.*)", re.S)
ASSIGNED = re.compile(r"(\w+)\s*(?:::?:?|[?+!])?=\s*(.*)", re.S)
USED = re.compile(r"\$[({](\w+)[)}]")
Recipes = Mapping[str, Sequence[tuple[str, int]]]
Needs = Mapping[str, Sequence[str]]


def read(text: str) -> tuple[Recipes, Needs]:
    """By target: the lines of its recipe with their numbers, and what it needs or calls by make."""
    recipes: dict[str, list[tuple[str, int]]] = {}
    needs: dict[str, list[str]] = {}
    current: list[str] = []
    for line, number in _lines(text):
        if line.startswith("\t"):
            rule: tuple[list[str], list[str], str] | None = (current, [], line)
        else:
            rule = _rule(line)
        current, needed, recipe = rule or ([], [], "")
        called = ITSELF.match(recipe)
        if called and "-C" not in called[1].split():
            needed = [*needed, *called[1].split()]
        for target in current:
            needs.setdefault(target, []).extend(needed)
            recipes.setdefault(target, []).append((recipe.strip(), number))
    return recipes, needs


def variables(text: str) -> dict[str, str]:
    """What is assigned to variables outside of recipes, as it is written."""
    lines = (line for line, _ in _lines(text) if not line.startswith("\t"))
    matches = (ASSIGNED.fullmatch(line.strip()) for line in lines)
    return {match[1]: match[2] for match in matches if match}


def with_variables(recipe: str, assigned: Mapping[str, str]) -> str:
    """A line of a recipe with the text of the variables that it uses."""
    return USED.sub(lambda match: assigned.get(match[1], match[0]), recipe)


def needed(target: str, needs: Needs) -> list[str]:
    """A target and all that it needs."""
    reached = {target: None}
    waiting = [target] if len(needs) <= MAX_TARGETS else []
    while waiting:
        known = [n for n in needs[waiting.pop()] if n in needs and n not in reached]
        reached |= dict.fromkeys(known)
        waiting += known
    return list(reached)


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """The lines that say something, those that go on as one, with their numbers."""
    parts: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        parts.append(line)
        if line.endswith("\\"):
            continue
        if parts[0].startswith("\t") or (line.strip() and not parts[0].lstrip().startswith("#")):
            yield "\n".join(parts), number - len(parts) + 1
        parts = []


def _rule(line: str) -> tuple[list[str], list[str], str] | None:
    """The targets of a rule, what they need, and a recipe on the same line; None for no rule."""
    line = line.replace("\\\n", " ")
    names, colon, rest = line.partition(":")
    rest = rest.removeprefix(":")
    if not colon or rest.startswith("=") or "=" in names:
        return None
    needed, _, recipe = rest.partition("#")[0].partition(";")
    return [name for name in names.split() if not name.startswith(".")], needed.split(), recipe
