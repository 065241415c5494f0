"""What a repository shows of how it is checked, as the settings that would say the same.

A gate guesses nothing: where [tool.release.gates] does not say how it is judged, it is given what
is found here, with the place. The project's own command comes first, as its CI runs it or as a
session of its noxfile that is named like the gate; where there is none, the gate's default does.

Taken are whole commands that need no shell, nothing of the forge and nothing of a job's
surroundings: no expression, no secret, no condition, no service, no other folder.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.project import as_table
from release.project.declared import install_remedy, ranges
from release.settings import CommandSettings
from release.text import ini, python, shell, toml, yaml

if TYPE_CHECKING:
    from release.project import Project

WORKFLOWS = ".github/workflows"
NOXFILE = "noxfile.py"
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
# By gate: what projects call the environments, sessions and targets that do its work.
NAMES = {
    "test": re.compile(r"(?:unit-?)?tests?|unit|pytest|coverage|(?:test-)?cov"),
    "typecheck": re.compile(
        r"(?:check-)?types?|typing|type-?check(?:s|ing)?|mypy|(?:based)?pyright|ty|pyrefly"
    ),
}
PROGRAMS = {
    "test": frozenset(("pytest", "py.test", "unittest", "trial", "stestr")),
    "typecheck": frozenset(("mypy", "pyright", "basedpyright", "ty", "pyrefly")),
}
# What a job has that this machine has not, or that a command must not see.
SURROUNDINGS = ("container", "services", "environment", "uses")
FOR_COMMITS = ("push", "pull_request", "workflow_call")
# What only a shell, or the forge, makes something of.
EXPANDED = re.compile(r"[$`*?~{}<>|&;\n]")
# What would be written into the tree, or somewhere else than where the gate reads it.
REPORTS = re.compile(r"--(junit-?xml|html|report-log|cov-report=(json|lcov|\w+:))")
# A program that goes elsewhere or changes what the commands after it see.
CHANGES = frozenset(("cd", "pushd", "popd", "export", "source", ".", "eval", "alias", "exec"))
PYTHON_FACTOR = re.compile(r"(?:py|python)?(?:3|3\.?(\d+))|py|python")
# Scripts that do what their environment is called for.
PLAIN = ("check", "run", "all")
PLAIN_TOX = frozenset(("run", "r", "-v", "-vv", "-q", "-r", "--recreate"))
UV_TAKING = frozenset(("--group", "--only-group", "--no-group", "--extra", "--no-extra", "--with"))
UV_REFUSED = frozenset(
    ("--python", "-p", "--directory", "--project", "--package", "--env-file", "--script", "-s")
)


class Detected(CommandSettings):
    """Settings that nobody wrote; `origin` says where they were found, and what was found there.

    `project` says whether the commands need an environment that holds the project: most of them
    make one of their own.
    """

    origin: str
    project: bool = False

    @property
    def told(self) -> str:
        shown = ", ".join(" ".join(words) for words in self.run or ())
        return f"{shown}, as {self.origin}"


@dataclass(frozen=True, slots=True)
class _Found:
    """A command of the project's own, and the distributions that bring its program."""

    words: tuple[str, ...]
    install: tuple[str, ...]
    origin: str = ""
    env: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """The text of a workflow's step: `line` is where it begins, `env` what it may see."""

    path: str
    line: int
    text: str
    env: Mapping[str, str]


def detect(project: Project, gate: str) -> Detected | None:
    """The settings of a gate that its table leaves to us; None where nothing of its own is found.

    A table that names commands, or what the gate's environment holds, has said it all.
    """
    settings = project.settings.gates.tables.get(gate)
    written = settings.model_dump(exclude_unset=True, by_alias=True) if settings else {}
    if gate not in NAMES or written.keys() & {"run", "install", "groups", "extras"}:
        return None
    found = [*_in_workflows(project, gate)] or [*_in_noxfile(project, gate)]
    if not found:
        return None
    best = min(found, key=lambda one: list(READERS).index(one.words[0]))
    frozen = best.words[0] == "uv" and not {"--locked", "--frozen"} & set(best.words)
    env = {**(best.env or {}), **({"UV_FROZEN": "1"} if frozen else {}), **written.pop("env", {})}
    return Detected(
        **written,
        run=(best.words,),
        install=tuple(_in_range(project, name) for name in best.install),
        env=env,
        origin=best.origin,
        project=best.words[0] == "make",
    )


def missing_remedy(
    project: Project, gate: str, settings: CommandSettings
) -> Callable[[Iterable[str]], str]:
    """What says what to do about modules that a gate's commands lack."""

    def remedy(modules: Iterable[str]) -> str:
        if isinstance(settings, Detected) and not settings.project:
            names = ", ".join(modules)
            return f"add {names} to what it installs, or set tool.release.gates.{gate}.run"
        return install_remedy(project, gate, modules)

    return remedy


def _in_range(project: Project, name: str) -> str:
    """A runner as the project requires it."""
    return f"{name}{next(iter(ranges(project, name)), '')}"


# --- Where commands are found


def _in_workflows(project: Project, gate: str) -> Iterator[_Found]:
    for step in _steps(project.root):
        read = shell.read(step.text)
        commands = [_simple(statement) for statement in read.statements]
        for words, line in filter(None, commands):
            if words[0] in CHANGES:
                break
            found = _own(project, gate, words)
            if found is not None:
                said = "" if words == found.words else f" {' '.join(words)}"
                origin = f"{step.path}:{step.line + line} runs{said or ' it'}"
                yield _Found(found.words, found.install, origin, step.env)


def _simple(statement: shell.Statement) -> tuple[tuple[str, ...], int] | None:
    """The words and the line of a command that stands alone and needs no shell."""
    ((_, pipeline), *more) = statement.items
    (command, *piped) = pipeline.commands
    if more or piped or pipeline.negated or statement.background:
        return None
    if command.kind or command.given or not command.words or "=" in command.words[0]:
        return None
    if any(EXPANDED.search(word) or REPORTS.match(word) for word in command.words):
        return None
    return command.words, command.line


def _steps(root: Path) -> Iterator[_Step]:
    """The steps of workflows that run for commits, in an order that stays the same."""
    folder = root / WORKFLOWS
    for path in sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")]):
        if not path.resolve().is_relative_to(root.resolve()):
            continue
        try:
            workflow = _table(yaml.compose(path.read_text(encoding="utf-8-sig")))
        except (OSError, ValueError):
            continue  # The gate workflows says so.
        if not set(_names(workflow.get("on"))) & set(FOR_COMMITS):
            continue
        where = path.relative_to(root).as_posix()
        for job in _table(workflow.get("jobs")).values():
            yield from _steps_of(where, workflow, _table(job))


def _steps_of(where: str, workflow: Mapping[str, Any], job: Mapping[str, Any]) -> Iterator[_Step]:
    if any(name in job for name in SURROUNDINGS) or "if" in job or _is_elsewhere(job):
        return
    if any(_names(_table(node.get("defaults")).get("run")) for node in (workflow, job)):
        return
    steps = job.get("steps")
    for step in map(_table, getattr(steps, "value", ())):
        text = step.get("run")
        if text is None or step.keys() & {"if", "shell", "working-directory", "continue-on-error"}:
            continue
        env = _environment(workflow, job, step)
        if env is not None:
            # In a block, the text begins below its sign.
            above = text.start_mark.line + (text.style in ("|", ">"))
            yield _Step(where, above, str(text.value), env)


def _is_elsewhere(job: Mapping[str, Any]) -> bool:
    """Whether a job runs on another system alone."""
    return str(getattr(job.get("runs-on"), "value", "")).startswith(("windows", "macos"))


def _environment(*levels: Mapping[str, Any]) -> dict[str, str] | None:
    """The variables that a step sees; None where the forge makes one of them.

    How tools colour what they say is left out.
    """
    found: dict[str, str] = {}
    for level in levels:
        found |= {name: str(node.value) for name, node in _table(level.get("env")).items()}
    if any("${{" in value for value in found.values()):
        return None
    return {name: value for name, value in found.items() if "COLOR" not in name}


def _in_noxfile(project: Project, gate: str) -> Iterator[_Found]:
    for name, line in _sessions(project.root).items():
        if NAMES[gate].fullmatch(name.replace("_", "-")):
            origin = f"{NOXFILE}:{line} defines it"
            yield _Found(("nox", "-s", name), ("nox",), origin)


def _sessions(root: Path) -> dict[str, int]:
    """The sessions that a noxfile itself defines, with their lines; not those of this package."""
    try:
        tree = python.parse((root / NOXFILE).read_bytes())
    except (OSError, SyntaxError):
        return {}
    found = {}
    for node in tree.body:
        for mark in getattr(node, "decorator_list", ()):
            call = mark if isinstance(mark, ast.Call) else None
            if ast.unparse(call.func if call else mark).rpartition(".")[2] != "session":
                continue
            name = _keyword(call, "name") or getattr(node, "name", "")
            found[name] = node.lineno
    return found


def _keyword(call: ast.Call | None, name: str) -> str:
    for keyword in call.keywords if call else ():
        if keyword.arg == name and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return ""


# --- Which commands are the project's own way


def _own(project: Project, gate: str, words: Sequence[str]) -> _Found | None:
    """What to run for a command of CI that does a gate's work by the project's own means."""
    run, install = _unwrapped(tuple(words))
    reader = READERS.get(run[0]) if run else None
    found = reader(project, gate, run) if reader else None
    if found is None:
        return None
    brought = () if run[0] in ("uv", "make") else (run[0], *install)
    return _Found(found, brought)


def _unwrapped(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A command without what fetches its program, and what that is told to bring beside it."""
    if words[0] in ("python", "python3") and words[1:2] == ("-m",):
        return words[2:], ()
    for start in (("uvx",), ("uv", "tool", "run"), ("pipx", "run")):
        if words[: len(start)] == start:
            rest = words[len(start) :]
            beside: tuple[str, ...] = ()
            while rest[:1] == ("--with",):
                beside += rest[1:2]
                rest = rest[2:]
            return rest, beside
    return words, ()


def _tox(project: Project, gate: str, words: tuple[str, ...]) -> tuple[str, ...] | None:
    chosen = [name for told in _selected(words, ("-e",)) for name in told.split(",")]
    if chosen:
        fits = all(_is_called(gate, name, bare=gate == "test") for name in chosen)
        return words if fits else None
    # Alone it runs every environment that is listed: those of other gates and other Pythons, too.
    alone = gate == "test" and PLAIN_TOX.issuperset(words[1:]) and _tox_has_commands(project)
    return ("tox", "-e", "py") if alone else None


def _tox_has_commands(project: Project) -> bool:
    if "commands" in (ini.section(project.root / "tox.ini", "testenv") or {}):
        return True
    try:
        table = toml.loads((project.root / "tox.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        table = dict(project.tool("tox"))
    return "commands" in as_table(table.get("env_run_base"))


def _nox(project: Project, gate: str, words: tuple[str, ...]) -> tuple[str, ...] | None:
    chosen = _selected(words, ("-s", "--session", "--sessions"))
    own = _sessions(project.root)
    fits = [_is_called(gate, name) and _without_python(name) in own for name in chosen]
    return words if fits and all(fits) else None


def _hatch(_project: Project, gate: str, words: tuple[str, ...]) -> tuple[str, ...] | None:
    if words[1:2] == ("test",) and gate == "test":
        return None if {"-a", "--all", "-py", "--python"} & set(words) else words
    if words[1:2] != ("run",) or len(words) == 2:
        return None
    environment, _, script = words[2].rpartition(":")
    fits = _is_called(gate, script) or (script in PLAIN and _is_called(gate, environment))
    return words if fits else None


def _uv(project: Project, gate: str, words: tuple[str, ...]) -> tuple[str, ...] | None:
    if words[1:2] != ("run",) or not (project.root / "uv.lock").is_file():
        return None
    inner = _behind_options(words[2:])
    if not inner:
        return None
    module = inner[inner.index("-m") + 1 :] if "-m" in inner[:4] else ()
    if (module or inner)[0] in PROGRAMS[gate]:
        return words
    found = _own(project, gate, inner)
    return words if found is not None and found.words == inner else None


def _behind_options(words: tuple[str, ...]) -> tuple[str, ...]:
    """What `uv run` runs; empty where its options choose another folder, package or Python."""
    place = 0
    while place < len(words) and words[place].startswith("-"):
        name = words[place]
        if name.partition("=")[0] in UV_REFUSED:
            return ()
        if name in ("-m", "--module"):
            return ("python", "-m", *words[place + 1 :])
        place += 2 if name in UV_TAKING else 1
    return words[place:]


def _make(project: Project, gate: str, words: tuple[str, ...]) -> tuple[str, ...] | None:
    if len(words) != 2 or not _is_called(gate, words[1]):
        return None
    texts = [_text(project.root / name) for name in MAKEFILES]
    # A recipe that calls nox may call this very gate.
    return words if any(texts) and not any("nox" in text for text in texts) else None


# By program, the best first.
READERS: Mapping[str, Callable[[Project, str, tuple[str, ...]], tuple[str, ...] | None]] = {
    "tox": _tox,
    "nox": _nox,
    "hatch": _hatch,
    "uv": _uv,
    "make": _make,
}


def _selected(words: Sequence[str], options: Sequence[str]) -> list[str]:
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


def _is_called(gate: str, name: str, *, bare: bool = False) -> bool:
    """Whether a name is one for a gate's work, and for no other Python than this one.

    With `bare`, that of a Python alone is.
    """
    factors = name.lower().replace("_", "-").split("-")
    pythons = [match for part in factors if (match := PYTHON_FACTOR.fullmatch(part))]
    if any(match[1] not in (None, str(sys.version_info.minor)) for match in pythons):
        return False
    rest = "-".join(part for part in factors if not PYTHON_FACTOR.fullmatch(part))
    return bool(NAMES[gate].fullmatch(rest)) or (bare and not rest)


def _without_python(name: str) -> str:
    head, _, tail = name.rpartition("-")
    return head if head and PYTHON_FACTOR.fullmatch(tail) else name


# --- YAML


def _table(node: Any) -> dict[str, Any]:
    """The nodes of a mapping by their keys; empty for anything else."""
    pairs = node.value if getattr(node, "id", "") == "mapping" else ()
    return {str(key.value): value for key, value in pairs}


def _names(node: Any) -> list[str]:
    """A name, those of a list, or the keys of a mapping."""
    value = getattr(node, "value", ())
    if isinstance(value, str):
        return [value]
    return [*_table(node)] or [str(item.value) for item in value if not isinstance(item, tuple)]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
