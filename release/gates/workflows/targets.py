"""What a workflow could call, by its name: sessions, targets, environments and tasks."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from release.gates.workflows.model import Command
from release.gates.workflows.split import parsed, python_commands, split, values_of
from release.text import shell

# Beyond it, what a target of a Makefile needs is not followed.
MAX_TARGETS = 300
MAX_RECIPE = 2000
MAKE_VARIABLE = re.compile(r"^[ ]*(?:export[ ]+)?(\w+)[ ]*[:?]{0,2}=([^\n#]*)", re.M)
MAKE_USE = re.compile(r"\$\((\w+)\)|\$\{(\w+)\}")


def of_noxfile(text: str, path: str) -> dict[str, tuple[Command, ...]]:
    """The sessions of a noxfile, as `nox -s NAME`, with what each runs.

    What a session's functions of the same file run counts as its own, and so does a session that
    it notifies.
    """
    tree = parsed(text)
    if tree is None:
        return {}
    values = values_of(tree)
    functions = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    found: dict[str, tuple[Command, ...]] = {}
    for node in functions.values():
        names = list(_session_names(node))
        if not names:
            continue
        via = f"nox -s {names[0]}"
        reached = _reached(node, functions)
        commands = python_commands(reached, path, via, values)
        for name in names:
            found[f"nox -s {name}"] = tuple(commands)
    for target, own in list(found.items()):
        notified = [
            command
            for one in own
            for command in found.get(f"nox -s {one.words[0]}", ())
            if len(one.words) == 1
        ]
        found[target] = (*own, *notified)
    return found


def _session_names(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        function = call.func if call is not None else decorator
        name = getattr(function, "attr", getattr(function, "id", ""))
        if "session" not in str(name):
            continue
        given = [
            keyword.value.value
            for keyword in (call.keywords if call is not None else ())
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
        ]
        yield from map(str, given)
        yield node.name


def _reached(node: ast.AST, functions: Mapping[str, ast.AST]) -> list[ast.AST]:
    reached = [node]
    seen = {id(node)}
    for function in reached:
        for call in ast.walk(function):
            name = (
                call.func.id
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                else ""
            )
            inner = functions.get(name)
            if inner is not None and id(inner) not in seen:
                seen.add(id(inner))
                reached.append(inner)
    return reached


def of_makefile(text: str, path: str) -> dict[str, tuple[Command, ...]]:
    """The targets of a Makefile, as `make NAME`, with their recipes and those of what they need."""
    lines = list(_make_lines(text))
    variables = {match[1]: match[2].strip() for match in MAKE_VARIABLE.finditer(text)}
    recipes: dict[str, list[tuple[str, int]]] = {}
    needs: dict[str, list[str]] = {}
    current: list[str] = []
    for line, number in lines:
        if line.startswith("\t"):
            rule: tuple[list[str], list[str], str] | None = (current, [], line)
        else:
            rule = _make_rule(line)
        current, needed, recipe = rule or ([], [], "")
        for target in current:
            needs.setdefault(target, []).extend(needed)
            recipes.setdefault(target, []).append((_made(recipe, variables), number))
    shell.read_all([recipe for found in recipes.values() for recipe, _ in found])
    own = {
        target: [
            command
            for recipe, number in found
            for command in split(recipe, path, number, f"make {target}")
        ]
        for target, found in recipes.items()
    }
    targets = {
        f"make {target}": tuple(c for name in _needed(target, needs) for c in own[name])
        for target in own
    }
    if targets:
        targets["make "] = next(iter(targets.values()))
    return targets


def _make_lines(text: str) -> Iterator[tuple[str, int]]:
    """The lines of a Makefile that say something, those that go on as one, with their numbers."""
    parts: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        parts.append(line)
        if line.endswith("\\"):
            continue
        if parts[0].startswith("\t") or (line.strip() and not parts[0].lstrip().startswith("#")):
            yield "\n".join(parts), number - len(parts) + 1
        parts = []


def _make_rule(line: str) -> tuple[list[str], list[str], str] | None:
    """The targets of a rule, what they need, and a recipe on the same line; None for no rule."""
    line = line.replace("\\\n", " ")
    names, colon, rest = line.partition(":")
    rest = rest.removeprefix(":")
    if not colon or rest.startswith("=") or "=" in names:
        return None
    needed, _, recipe = rest.partition("#")[0].partition(";")
    return [name for name in names.split() if not name.startswith(".")], needed.split(), recipe


def _needed(target: str, needs: Mapping[str, Sequence[str]]) -> list[str]:
    """A target and all that it needs."""
    reached = {target: None}
    waiting = [target] if len(needs) <= MAX_TARGETS else []
    while waiting:
        known = [n for n in needs[waiting.pop()] if n in needs and n not in reached]
        reached |= dict.fromkeys(known)
        waiting += known
    return list(reached)


def _made(recipe: str, variables: Mapping[str, str]) -> str:
    """A recipe with the variables of its Makefile in their place, as far as they are plain."""
    recipe = recipe.strip().lstrip("@-+ ")
    for _ in range(3):
        if len(recipe) > MAX_RECIPE:
            break
        recipe = MAKE_USE.sub(lambda m: variables.get(m[1] or m[2], m[0])[:200], recipe)
    return recipe


def of_tox(text: str, path: str) -> dict[str, tuple[Command, ...]]:
    """The environments of a tox.ini, as `tox -e NAME`, with their commands."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    lines = {line.strip(): number for number, line in enumerate(text.split("\n"), 1)}
    found = {}
    for section in parser.sections():
        name = section.removeprefix("testenv:") if section.startswith("testenv:") else ""
        if not name and section != "testenv":
            continue
        number = lines.get(f"[{section}]", 1)
        commands: list[Command] = []
        for key in ("commands_pre", "commands", "commands_post"):
            for line in parser[section].get(key, "").replace("\\\n", " ").split("\n"):
                commands += split(
                    line.strip().lstrip("-! "),
                    path,
                    lines.get(line.strip(), number),
                    f"tox -e {name}",
                )
        for one in _expanded(name):
            found[f"tox -e {one}"] = tuple(commands)
    return found


def _expanded(name: str) -> list[str]:
    """The names that a generative section stands for: `{a,b}-c` is a-c and b-c."""
    names = [""]
    for part in re.split(r"(\{[^{}]*\})", name)[:20]:
        choices = part[1:-1].split(",") if part.startswith("{") else [part]
        names = [before + choice.strip() for before in names for choice in choices][:200]
    return names


def of_pyproject(text: str, path: str) -> dict[str, tuple[Command, ...]]:
    """The tasks that a pyproject.toml defines for hatch, pdm, poe, taskipy and tox."""
    try:
        tool = tomllib.loads(text).get("tool")
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
    found = {
        target: tuple(
            command
            for item in _shell_texts(value)
            for command in split(item, path, _line_of(text, value), target)
        )
        for target, value in _tasks(tool)
    }
    _add_tasks_of_tasks(found)
    for name, env in _items(tool, "tox", "env"):
        own = _tox_commands(env, text, path, f"tox -e {name}")
        if own:
            found[f"tox -e {name}"] = own
    legacy = dict(_items(tool, "tox")).get("legacy_tox_ini")
    if isinstance(legacy, str):
        found |= of_tox(legacy, path)
    return found


def _tasks(tool: Any) -> Iterator[tuple[str, Any]]:
    """The tasks of hatch, pdm, poe and taskipy, each by what calls it."""
    for name, env in _items(tool, "hatch", "envs"):
        for task, value in _items(env, "scripts"):
            yield f"hatch run {name}:{task}", value
            if name == "default":
                yield f"hatch run {task}", value
    for form, *keys in (
        ("pdm run", "pdm", "scripts"),
        ("poe", "poe", "tasks"),
        ("task", "taskipy", "tasks"),
    ):
        for task, value in _items(tool, *keys):
            yield f"{form} {task}", value


def _tox_commands(env: Any, text: str, path: str, target: str) -> tuple[Command, ...]:
    given = env.get("commands", ()) if isinstance(env, Mapping) else ()
    return tuple(
        Command(tuple(map(str, words)), path, _line_of(text, words), "", target)
        for words in given
        if isinstance(words, list)
    )


def _add_tasks_of_tasks(found: dict[str, tuple[Command, ...]]) -> None:
    """Let a task whose command is the name of another one run what that one runs."""
    own = dict(found)
    for target, commands in own.items():
        form = target.rpartition(" ")[0]
        others = dict.fromkeys(command.words[0] for command in commands)
        inner = [own.get(f"{form} {name}", ()) for name in others if f"{form} {name}" != target]
        found[target] = (*commands, *(c for each in inner for c in each))[:MAX_TARGETS]


def _items(table: Any, *keys: str) -> list[tuple[str, Any]]:
    for key in keys:
        table = table.get(key) if isinstance(table, Mapping) else None
    return list(table.items()) if isinstance(table, Mapping) else []


def _shell_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _shell_texts(item)
    elif isinstance(value, Mapping):
        for key in ("cmd", "shell", "script", "composite", "sequence", "interpreter"):
            yield from _shell_texts(value.get(key))


def _line_of(text: str, value: Any) -> int:
    """The line of a task in the file: where the longest of its texts stands, else the first."""
    first = (
        next(_shell_texts(value), "")
        if not isinstance(value, list)
        else " ".join(item for item in value if isinstance(item, str))
    )
    place = text.find(first) if first else -1
    if place < 0 and isinstance(value, list) and value and isinstance(value[0], str):
        place = text.find(f'"{value[0]}"')
    return text.count("\n", 0, place) + 1 if place >= 0 else 1
