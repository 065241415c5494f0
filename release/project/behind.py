"""What lies behind a command of a project's own: the lines of the target, session, environment or
script that it names, and whether they are such as may be run to judge it.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from release.errors import ConfigurationError
from release.project import Project, as_table, tox
from release.text import makefile, python, toml
from release.text.toml import table_at

NOXFILE = "noxfile.py"
HOOKS_FILE = ".pre-commit-config.yaml"
# No file that tells commands is larger.
MAX_BYTES = 1 << 20
# A longer line is not read, and so not run.
MAX_LINE = 4000
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
# What nobody may see happen who asks whether a project can be released. A word of a command.
_PUBLISHES = re.compile(
    r"gh[-_]deploy|ghp[-_]import|(?<![\w.-])(?:(?:publish|upload|deploy|push|rsync|scp|sftp|lftp"
    r"|rclone|surge|netlify|vercel|wrangler|s3cmd|gsutil|doctr|coveralls|codecov|ssh|kubectl"
    r"|terraform|heroku)(?![\w./=-])|aws\W+s3\b|gh\W+(?:release|pr|issue|api|workflow|repo)\b"
    r"|curl\b.*\W(?:-[TFd]|--(?:upload-file|form|data[\w-]*)|(?:-X|--request)\W*P(?:U|OS)T|DELETE)\b)"
    r"|(?<=\s)--push\b"
)
# What may be asked for files or tests that are called like that.
_CHECKS = re.compile(r"\b(?:pytest|ruff|flake8|pylint|mypy|pyright|black|isort|bandit|coverage)\b")
# Hooks that are configured in a file, which an sdist may lack.
_HOOKS = re.compile(r"\b(?:pre-commit|prek)\b.*\brun\b")
_PARTS = re.compile(r"&&|;")
# What ends well whatever it finds: a whole line, or one of its commands.
_IGNORED = re.compile(
    r"^[@+\s]*-|success_codes|\|\|\s*(?:true|:|exit 0|echo\b)|;\s*(?:(?:true|:|exit 0)\s*)?$"
)
_CANNOT_FAIL = re.compile(
    r"--fail-under[= ]0(?:\.0)?(?![\d.])|--exit-zero\b|--version\b|--help\b"
    r"|^[@+\s]*(?:$|(?:echo|printf|mkdir|rm|cd|touch|true|:)(?:\s|$))"
)
_RUNS = frozenset(("check_call", "check_output", "call", "system", "Popen", "notify"))
_TOX_KEYS = ("commands_pre", "commands", "commands_post")


def judges(project: Project, words: Sequence[str]) -> bool:
    """Whether a command can fail, and publishes nothing, by what lies behind it."""
    lines = [*_lines(project, words)]
    own = [" ".join(words)]
    if words[0] == "make" and not lines:
        return False
    if not (project.root / HOOKS_FILE).is_file() and any(map(_HOOKS.search, lines)):
        return False
    return not any(map(_publishes, lines + own)) and not all(map(_cannot_fail, lines or own))


def _publishes(line: str) -> bool:
    parts = ((part, _PUBLISHES.search(part)) for part in _PARTS.split(line))
    return len(line) > MAX_LINE or any(
        found and not _CHECKS.search(part, 0, found.start()) for part, found in parts
    )


def _cannot_fail(line: str) -> bool:
    return bool(_IGNORED.search(line)) or all(map(_CANNOT_FAIL.search, _PARTS.split(line)))


def _lines(project: Project, words: Sequence[str]) -> Iterator[str]:
    """What a command has its program run, a line each; none where that is not known."""
    program, *rest = words
    root = project.root
    if program == "make":
        folder = root / (rest[1] if rest[:1] == ["-C"] else ".")
        yield from _of_make(folder, [word for word in rest if "=" not in word])
    elif program == "nox":
        known = sessions(root)
        chosen = selected(words, ("-s", "--session", "--sessions"))
        yield from _of_nox(root, [known[name] for name in map(_bare, chosen) if name in known])
    elif program == "tox":
        yield from _of_tox(project, words)
    elif program == "hatch" and rest[:1] == ["run"]:
        named = [word for word in rest[1:] if not word.startswith(("+", "-"))]
        environment, _, script = "".join(named[:1]).rpartition(":")
        yield from _of_hatch(project, environment or "default", script)
    elif program == "uv":
        for place, word in enumerate(rest, 1):
            if word in ("make", "nox", "tox", "hatch"):
                yield from _lines(project, words[place:])
                return


def _bare(name: str) -> str:
    """A session's name without the Python that it is run for."""
    return re.sub(r"-3\.\d+$", "", name)


def _of_make(folder: Path, targets: Sequence[str]) -> Iterator[str]:
    for name in MAKEFILES:
        text = text_of(folder / name)
        recipes, needs = makefile.read(text)
        assigned = makefile.variables(text)
        for target in targets:
            chosen = target if target in recipes else "%"
            for each in makefile.needed(chosen, needs) if chosen in recipes else ():
                lines = (makefile.with_variables(line, assigned) for line, _ in recipes[each])
                yield from filter(None, lines)


def _of_nox(root: Path, nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The calls that run something, in sessions and in what these call or notify."""
    others = _functions(root)
    reached: list[ast.AST] = list(nodes)
    for node in reached:
        for inner in ast.walk(node):
            name = str(getattr(inner, "id", getattr(inner, "value", "")))
            if name in others and others[name] not in reached:
                reached.append(others[name])
            called = str(getattr(getattr(inner, "func", None), "attr", ""))
            if called.startswith("run") or called in _RUNS:
                yield ast.unparse(inner)


def _functions(root: Path) -> dict[str, ast.stmt]:
    named = {str(getattr(node, "name", "")): node for node in _noxfile(root).body}
    return {name: node for name, node in named.items() if name} | sessions(root)


def _of_tox(project: Project, words: Sequence[str]) -> Iterator[str]:
    found = tox_environments(project.root)
    for name in tox.asked(words, tuple((name, table) for name, (_, table) in found.items())):
        table = {**found.get(tox.BASE, ("", {}))[1], **found.get(name, ("", {}))[1]}
        ignored = "- " if str(table.get("ignore_outcome")).lower() == "true" else ""
        for key in _TOX_KEYS:
            yield from (f"{ignored}{line}" for line in _texts(table.get(key)))


def tox_environments(root: Path) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """The environments of tox with the file that each stands in, and what that says."""
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for path in tox.FILES:
        with contextlib.suppress(ConfigurationError, ValueError):
            for name, table in tox.read(text_of(root / path), path):
                found.setdefault(name, (path, table))
    return found


def _of_hatch(project: Project, environment: str, script: str) -> Iterator[str]:
    """A script's lines, and those of others of its environment that it calls."""
    envs = as_table(tool_table(project, "hatch.toml", "hatch").get("envs"))
    scripts = table_at(envs, environment, "scripts")
    waiting = [script]
    for name in waiting:
        for line in _texts(scripts.get(name)):
            called = line.lstrip("- ").partition(" ")[0]
            if called not in scripts:
                yield line
            elif called not in waiting:
                waiting.append(called)


def tool_table(project: Project, path: str, table: str) -> Mapping[str, Any]:
    """The table of a tool, from its own file or pyproject.toml; hatch reads both, key by key."""
    try:
        own = toml.loads(text_of(project.root / path))
    except ValueError:
        own = {}
    return {**project.tool(table), **own} if table == "hatch" else own or project.tool(table)


def _texts(value: Any) -> Iterator[str]:
    """Commands that are lines of a text, several texts, or lists of words."""
    if isinstance(value, str):
        yield from filter(str.strip, value.replace("\\\n", " ").split("\n"))
    for item in value if isinstance(value, list) else ():
        yield " ".join(map(str, item)) if isinstance(item, list) else str(item)


def sessions(root: Path) -> dict[str, ast.stmt]:
    """The sessions that a noxfile itself defines; not those of this package."""
    return sessions_in(_noxfile(root))


def _noxfile(root: Path) -> ast.Module:
    return python.parsed(text_of(root / NOXFILE).encode())


def sessions_in(tree: ast.Module) -> dict[str, ast.stmt]:
    """Those of a module, by the names that nox has for them."""
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        for mark in getattr(node, "decorator_list", ()):
            call = mark if isinstance(mark, ast.Call) else None
            if "session" in ast.unparse(call.func if call else mark).rpartition(".")[2]:
                found[_keyword(call, "name") or getattr(node, "name", "")] = node
    return found


def _keyword(call: ast.Call | None, name: str) -> str:
    for keyword in call.keywords if call else ():
        if keyword.arg == name and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return ""


def selected(words: Sequence[str], options: Sequence[str]) -> list[str]:
    """What a command's options select; all words behind one up to the next option."""
    found: list[str] = []
    taking = False
    for word in words:
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if word.startswith("-"):
            taking = name in options and not equals
            found += [value] if name in options and equals else []
        elif taking:
            found.append(word)
    return found


def text_of(path: Path) -> str:
    """The text of a file; empty where that is not there, no plain file, or larger than any is."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return ""
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""
