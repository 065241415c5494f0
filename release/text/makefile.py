"""Reads the rules of a Makefile: recipes and what targets need; no variable is expanded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

# Beyond it, what a target needs is not followed.
MAX_TARGETS = 300
# What may stand before a line of a recipe: silent, ignored where it fails, run in any case.
SIGNS = "@-+ "
Recipes = Mapping[str, Sequence[tuple[str, int]]]
Needs = Mapping[str, Sequence[str]]


def read(text: str) -> tuple[Recipes, Needs]:
    """By target: the lines of its recipe with their numbers, and what it needs."""
    recipes: dict[str, list[tuple[str, int]]] = {}
    needs: dict[str, list[str]] = {}
    current: list[str] = []
    for line, number in _lines(text):
        if line.startswith("\t"):
            rule: tuple[list[str], list[str], str] | None = (current, [], line)
        else:
            rule = _rule(line)
        current, needed, recipe = rule or ([], [], "")
        for target in current:
            needs.setdefault(target, []).extend(needed)
            recipes.setdefault(target, []).append((recipe.strip(), number))
    return recipes, needs


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
