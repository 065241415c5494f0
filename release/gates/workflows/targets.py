"""What a workflow could call, by its name: sessions, targets, environments and tasks."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from release.errors import ConfigurationError
from release.gates.workflows.commands import (
    NOX_CHOICES,
    may_publish,
    normal,
    values,
)
from release.gates.workflows.flow import split
from release.gates.workflows.model import Command
from release.gates.workflows.programs import parsed, python_commands
from release.project import tox
from release.project.behind import MAKEFILES, sessions_in
from release.text import makefile, shell, toml

# Beyond it, the lines of a task are not read.
MAX_TARGETS = 300
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
CHOICES = frozenset(["nox.options.sessions", "nox.options.default_session", "options.sessions"])
# Files in which runners have their tasks; they are searched, whichever task is called.
TASK_FILES: Mapping[str, tuple[str, ...]] = {
    "just": ("justfile", "Justfile", ".justfile"),
    **dict.fromkeys(("invoke", "inv"), ("tasks.py",)),
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun"), ("package.json",)),
    **dict.fromkeys(("task", "go-task"), ("Taskfile.yml", "Taskfile.yaml")),
    "pixi": ("pixi.toml", "pyproject.toml"),
    "doit": ("dodo.py",),
    "duty": ("duties.py",),
}
# Those that are read for the task that is called.
READ_FILES: Mapping[str, tuple[str, ...]] = {
    "tox": tox.FILES,
    "hatch": ("pyproject.toml", "hatch.toml"),
    **dict.fromkeys(("poe", "poethepoet"), ("pyproject.toml", "poe_tasks.toml")),
    **dict.fromkeys(("pdm", "task", "taskipy"), ("pyproject.toml",)),
}
# Runners of nothing but tasks: one that is not found there is one that was not understood.
ONLY_TASKS = frozenset(["tox", "poe", "poethepoet", "taskipy"])
# How tox is told environments other than by name.
TOX_CHOICES = frozenset(["-m", "--labels", "-f", "--factors", "--root"])
# What of a task is run, where it is a table.
RUN_KEYS = frozenset(
    "cmd shell script composite sequence commands commands_pre commands_post".split()  # noqa: SIM905
)
# What runners are told that runs no task.
NO_TASK = frozenset(
    """ci install i add update version info --version -V -v --help -h --list -l""".split()  # noqa: SIM905
)
MAKE_INCLUDE = re.compile(r"^-?include[ \t]+(.+)", re.M)


def unread(words: Sequence[str], text_of: Callable[[str], str | None]) -> Iterator[Command]:
    """What may publish in the files that tell a runner what to do, where these are not read.

    One for each line of them, whichever task is called: of runners that are not known more closely,
    of make in another folder or with another file, and of nox where sessions are chosen by tags.
    """
    name, *rest = words or ("",)
    if {*rest[:1]} & NO_TASK:
        return
    paths = [path for path in map(normal, _task_files(name, rest, text_of)) if path is not None]
    yield from _suspicious(dict.fromkeys(paths), text_of)


def _suspicious(paths: Iterable[str], text_of: Callable[[str], str | None]) -> Iterator[Command]:
    for path in paths:
        for number, line in enumerate((text_of(path) or "").split("\n"), 1):
            if may_publish(line):
                yield Command(("?", line.strip()), path, number)


def _task_files(
    name: str, rest: Sequence[str], text_of: Callable[[str], str | None]
) -> Iterator[str]:
    yield from TASK_FILES.get(name, ())
    if name == "nox" and NOX_CHOICES & {word.partition("=")[0] for word in rest}:
        yield _given(rest, "-f", "--noxfile") or "noxfile.py"
    if name in ("make", "gmake"):
        folder, file = _given(rest, "-C", "--directory"), _given(rest, "-f", "--file")
        for one in (file,) if file else MAKEFILES:
            place = f"{folder or '.'}/{one}"
            # Those at the root are read for their targets, but not what they include.
            yield from (place,) if folder or file else ()
            for match in MAKE_INCLUDE.finditer(text_of(normal(place) or "") or ""):
                yield from (f"{folder or '.'}/{name}" for name in match[1].split())


def _given(words: Sequence[str], *names: str) -> str:
    return next((value for _, value in values(words, names)), "")


def of_file(text: str, path: str) -> dict[str, tuple[Command, ...]]:
    """What a noxfile or a Makefile has a name for, with the commands of each; else nothing."""
    if path == "noxfile.py":
        return of_noxfile(text, path)
    return of_makefile(text, path) if path in MAKEFILES else {}


def of_noxfile(text: str, path: str) -> dict[str, tuple[Command, ...]]:
    """The sessions of a noxfile, as `nox -s NAME`, with what each runs.

    What a session's functions of the same file run counts as its own, and so does a session that
    it notifies. `nox -s ` are those that run where none is named.
    """
    tree = parsed(text)
    if tree is None:
        return {}
    functions = {node.name: node for node in tree.body if isinstance(node, FUNCTIONS)}
    found: dict[str, tuple[Command, ...]] = {}
    for name, node in sessions_in(tree).items():
        found[f"nox -s {name}"] = tuple(python_commands(_reached(node, functions), path))
    for target, own in list(found.items()):
        alone = [one.words[0] for one in own if len(one.words) == 1]
        found[target] = (*own, *(c for name in alone for c in found.get(f"nox -s {name}", ())))
    if found:
        chosen = [f"nox -s {name}" for name in _chosen(tree)] or list(found)
        found["nox -s "] = tuple(c for name in chosen for c in found.get(name, ()))
    return found


def _chosen(tree: ast.Module) -> Iterator[str]:
    """The sessions that `nox.options.sessions` names."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in CHOICES:
            yield from (str(one.value) for one in ast.walk(node) if isinstance(one, ast.Constant))


def _reached(node: ast.AST, functions: Mapping[str, ast.AST]) -> list[ast.AST]:
    reached = [node]
    seen = {id(node)}
    for function in reached:
        for call in ast.walk(function):
            name = getattr(call.func, "id", "") if isinstance(call, ast.Call) else ""
            inner = functions.get(name)
            if inner is not None and id(inner) not in seen:
                seen.add(id(inner))
                reached.append(inner)
    return reached


def of_makefile(text: str, path: str) -> dict[str, tuple[Command, ...]]:
    """The targets of a Makefile, as `make NAME`, with their recipes and those of what they need."""
    signed, needs = makefile.read(text)
    recipes = {
        target: [(recipe.lstrip(makefile.SIGNS), number) for recipe, number in found]
        for target, found in signed.items()
    }
    shell.read_all([recipe for found in recipes.values() for recipe, _ in found])
    own = {
        target: [command for recipe, number in found for command in split(recipe, path, number)]
        for target, found in recipes.items()
    }
    targets = {
        f"make {target}": tuple(c for name in makefile.needed(target, needs) for c in own[name])
        for target in own
    }
    if targets:
        targets["make "] = next(iter(targets.values()))
    return targets


def of_tasks(words: Sequence[str], text_of: Callable[[str], str | None]) -> Iterator[Command]:
    """The commands of the tasks that a runner is told to run, where they are written as data.

    Where the task that is told is not found, they are the lines that look like an upload.
    """
    name, *rest = words or ("",)
    paths = READ_FILES.get(name, ())
    if name == "tox" and (other := normal(_given(rest, "-c", "--conf"))):
        paths = (other,)
    texts = {path: text for path in paths if (text := text_of(path)) is not None}
    tasks, sure = (_of_tox if name == "tox" else _of_tables)(rest, texts)
    lines = [(path, line.strip().lstrip("-! ")) for path, one in tasks for line in one.split("\n")]
    shell.read_all([line for _, line in lines])
    for path, line in lines[:MAX_TARGETS]:
        number = texts[path][: max(texts[path].find(line), 0)].count("\n") + 1
        yield from split(line, path, number)
    if not sure and name in ONLY_TASKS:
        yield from _suspicious(texts, text_of)


Tasks = tuple[list[tuple[str, str]], bool]


def _of_tox(words: Sequence[str], texts: Mapping[str, str]) -> Tasks:
    """What the environments run that tox is told, by file, and whether they are all known."""
    found: dict[str, tox.Environments] = {}
    sure = not TOX_CHOICES & {*words}
    for path, text in texts.items():
        try:
            found[path] = tox.read(text, path)
        except (ConfigurationError, tomllib.TOMLDecodeError):
            sure = False
    every = tuple(one for environments in found.values() for one in environments)
    asked = tox.asked(words, every)
    named = ((path, *each) for path, environments in found.items() for each in environments)
    wanted = asked | {tox.BASE}
    tasks = [(path, t) for path, name, table in named if name in wanted for t in _texts(table)]
    return tasks, sure and tox.are_known(asked, every)


def _of_tables(words: Sequence[str], texts: Mapping[str, str]) -> Tasks:
    """The tasks of tables that are told, and whether there are any.

    What a task names first may be another task, whose commands follow.
    """
    asked = {part for word in words for part in word.rpartition(":")[2].split(",")}
    tasks = []
    for path, text in texts.items():
        try:
            data = toml.loads(text)
        except tomllib.TOMLDecodeError:
            continue
        found = dict.fromkeys(_named(data.get("tool", data), asked))
        inner = {task.split()[0] for task in found if task.split()} - asked
        found |= dict.fromkeys(_named(data.get("tool", data), inner))
        tasks += [(path, task) for task in found]
    return tasks, bool(tasks)


def _named(data: Any, names: Collection[str]) -> Iterator[str]:
    """The texts that stand below these names."""
    for key, value in data.items() if isinstance(data, Mapping) else ():
        if key in names:
            yield from _texts(value)
        yield from _named(value, names)


def _texts(value: Any) -> Iterator[str]:
    """The texts of a task: one, several, or a command as the words of a list in a list."""
    if isinstance(value, str):
        yield value.replace("\\\n", " ")
    elif isinstance(value, list):
        for item in value:
            yield from [shlex.join(map(str, item))] if isinstance(item, list) else _texts(item)
    elif isinstance(value, Mapping):
        for key in RUN_KEYS & value.keys():
            yield from _texts(value[key])
