"""What a repository shows of how it is checked, as the settings that would say the same.

A gate guesses nothing: where [tool.release.gates] does not say how it is judged, it is given what
is found here, with the place. The project's own command comes first: what its CI runs, a session of
its noxfile that is named like the gate, its hooks of pre-commit; where there is none, the gate's
default does.

Taken are whole commands that need no shell, nothing of the forge and nothing of a job's
surroundings: no expression, no secret, no condition, no service, no other folder. Nor any that
publishes, or that ends well whatever it finds (release.project.behind).
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from release.project import Project, as_list, as_table, tox
from release.project.behind import (
    HOOKS_FILE,
    MAKEFILES,
    NOXFILE,
    judges,
    selected,
    sessions,
    text_of,
    tox_environments,
)
from release.project.declared import install_remedy, named_tables, pinned, procedure_text, ranges
from release.settings import CommandSettings, GateSettings
from release.text import ini, shell, yaml

WORKFLOWS = ".github/workflows"
# By gate: what projects call the environments, sessions and targets that do its work.
NAMES = {
    "test": re.compile(r"(?:unit-?)?tests?|unit|pytest|(?:(?:test|with)-)?cov(?:erage)?"),
    "typecheck": re.compile(
        r"(?:check-)?types?|typing|type-?check(?:s|ing)?|mypy|(?:based)?pyright|ty|pyrefly"
    ),
    "lint": re.compile(
        r"lint(?:er|ing|s)?|(?:code-?)?(?:style|quality)|check-?(?:lint|style|format(?:ting)?)|qa"
        r"|(?:format|fmt|style|lint)-check|flake8|pep8|ruff|pylint|pre-?commit|prek"
        r"|format(?:ting)?|fmt"
    ),
    "docs": re.compile(
        r"(?:(?:build|check|make)-?)?(?:docs?|documentation)(?:-(?:build|check|html|test))?"
        r"|sphinx|mkdocs"
    ),
    "static_analysis": re.compile(r"bandit|security|sast|semgrep|static-?analysis"),
}
# What only counts together what other environments measured.
GATHERS = re.compile(r"\bcoverage\W+combine\b")
# What a gate's table may hold without saying how the gate is judged.
LEFT_OPEN = GateSettings.model_fields.keys() | {"valid-hours", "env", "broken"}
HOOKS = frozenset(("pre-commit", "prek"))
PROGRAMS = {
    "lint": frozenset(
        ("ruff", "flake8", "pycodestyle", "pydocstyle", "black", "isort", "pylint", *HOOKS)
    ),
    "docs": frozenset(("mkdocs", "sphinx", "sphinx-build")),
    "static_analysis": frozenset(("bandit", "semgrep")),
    "test": frozenset(("pytest", "py.test", "unittest", "trial", "stestr")),
    "typecheck": frozenset(("mypy", "pyright", "basedpyright", "ty", "pyrefly")),
}
# Each command that CI runs for these is a promise of its own; of the others, one stands for all.
SEVERAL = frozenset(("lint", "docs", "static_analysis"))
# Actions that do nothing but run a command, which their input extra_args may add to.
ACTIONS = {"pre-commit/action": "pre-commit run", "j178/prek-action": "prek run"}
RUFF_FILES = (".ruff.toml", "ruff.toml")
FLAKE8_FILES = (".flake8", "setup.cfg", "tox.ini")
FLAKE8_PLUGIN = re.compile(r"\s*(?:flake8-|pep8-naming|dlint|wemake-python-styleguide)", re.I)
FLAKE8_CALLED = re.compile(r"(?<![\[\w.-])flake8\b(?!\])")
# What judges the act of committing, and no file.
FOR_COMMITTERS = "no-commit-to-branch"
# What a session that is found by its name alone must not do.
ACTS = re.compile(r"^(?:format|fmt)|deploy|publish|upload|\bpush\b|\bserve\b|autobuild")
CHECKS_ONLY = frozenset(("--check", "--check-only", "--diff"))
# What a job has that this machine has not, or that a command must not see.
SURROUNDINGS = ("container", "services", "environment", "uses")
FOR_COMMITS = ("push", "pull_request", "workflow_call")
# What a matrix makes of a Python; that which runs this stands for all.
MATRIX = re.compile(
    r"(\bpy|-|\+py(?:thon)?=)\$\{\{\s*(?:matrix\.[\w.-]*py[\w.\[\]-]*(?:\s*\|\|\s*)?)+\s*\}\}"
)
SPECIAL = frozenset(("shell", "working-directory", "continue-on-error"))
# What only a shell, or the forge, makes something of.
EXPANDED = re.compile(r"[$`*?~{}<>|&;\n]")
# What would be written into the tree, or somewhere else than where the gate reads it.
REPORTS = re.compile(r"--(junit-?xml|html|report-log|cov-report=(json|lcov|\w+:))")
# A program that goes elsewhere or changes what the commands after it see.
CHANGES = frozenset(("cd", "pushd", "popd", "export", "source", ".", "eval", "alias", "exec"))
PYTHON_FACTOR = re.compile(r"(?:py|python)?(?:3|3\.?(\d+))|py|python")
# Scripts that do what their environment is called for.
PLAIN = ("check", "run", "all", "build", "html")
PLAIN_TOX = frozenset(("run", "r", "-v", "-vv", "-q", "-r", "--recreate"))
UV_TAKING = frozenset(("--group", "--only-group", "--no-group", "--extra", "--no-extra", "--with"))
UV_REFUSED = frozenset(
    ("--python", "-p", "--directory", "--project", "--package", "--env-file", "--script", "-s")
)


class Detected(CommandSettings):
    """Settings that nobody wrote; `origin` says where they were found, and what was found there.

    `project` says whether the commands need an environment that holds the project: most of them
    make one of their own. `promised` says whether the project is known to run them.
    """

    origin: str
    project: bool = False
    promised: bool = True

    @property
    def shown(self) -> str:
        return ", ".join(" ".join(words) for words in self.run or ())

    @property
    def told(self) -> str:
        return f"{self.shown}, as {self.origin}"


@dataclass(frozen=True, slots=True)
class _Found:
    """A command of the project's own, the distributions that bring its program, and its place.

    `verb` is what the place does with it. The rest is as in Detected.
    """

    words: tuple[str, ...]
    install: tuple[str, ...]
    place: str = ""
    verb: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    project: bool = False
    promised: bool = True

    @property
    def program(self) -> str:
        return self.words[0]


@dataclass(frozen=True, slots=True)
class _Step:
    """The text of a workflow's step: `line` is where it begins, `env` what it may see."""

    path: str
    line: int
    text: str
    env: Mapping[str, str]


def detect(project: Project, gate: str) -> Detected | None:
    """The settings of a gate that its table leaves to us; None where nothing of its own is found.

    A table that names commands, a tool, or what its environment holds, has said it all.
    """
    settings = project.settings.gates.tables.get(gate)
    written = settings.model_dump(exclude_unset=True, by_alias=True) if settings else {}
    if gate not in NAMES or written.keys() - LEFT_OPEN:
        return None
    found: list[_Found] = []
    for source in SOURCES:
        found = found or [one for one in source(project, gate) if judges(project, one.words)]
    if not found:
        return None
    best = min(found, key=lambda one: [*READERS, one.program].index(one.program))
    chosen = [best]
    if gate in SEVERAL:
        each = {one.words: one for one in reversed(found) if one.env == best.env}
        chosen = [one for one in found if one is each.get(one.words)]
    install = dict.fromkeys(name for one in chosen for name in one.install)
    return Detected(
        **{**written, "env": {**_variables(chosen), **written.get("env", {})}},
        run=tuple(one.words for one in chosen),
        install=tuple(_in_range(project, name) for name in install),
        origin=_origin(chosen),
        project=any(one.project for one in chosen),
        promised=best.promised,
    )


def _variables(chosen: Sequence[_Found]) -> dict[str, str]:
    """What commands see: what CI sets, and what has them judge what is there."""
    found = dict(chosen[0].env)
    if any(one.program == "uv" and not {"--locked", "--frozen"} & set(one.words) for one in chosen):
        found["UV_FROZEN"] = "1"
    if any(HOOKS & set(one.words) for one in chosen):
        found.setdefault("SKIP", FOR_COMMITTERS)
    return found


def _origin(found: Sequence[_Found]) -> str:
    if len(found) == 1:
        return f"{found[0].place} {found[0].verb}"
    return f"{' and '.join(dict.fromkeys(one.place for one in found))} run them"


def missing_remedy(
    project: Project, gate: str, settings: CommandSettings
) -> Callable[[Iterable[str]], str]:
    """What says what to do about modules that a gate's commands lack."""

    def remedy(modules: Iterable[str]) -> str:
        modules = list(modules)
        if isinstance(settings, Detected) and not settings.project:
            names = ", ".join(modules)
            ours = install_remedy(project, gate, modules)
            return f"add {names} to what it installs; or {ours}, to have it judged without it"
        return install_remedy(project, gate, modules)

    return remedy


def _in_range(project: Project, name: str) -> str:
    """A program as the project requires it."""
    version = pinned(procedure_text(project), name)
    return f"{name}=={version}" if version else f"{name}{next(iter(ranges(project, name)), '')}"


# --- Where commands are found


def _in_workflows(project: Project, gate: str) -> Iterator[_Found]:
    every = []
    for step, words, line in _commands(project.root):
        found = _own(project, gate, words)
        if found is not None:
            said = "it" if words == found.words else " ".join(words)
            place = f"{step.path}:{step.line + line}"
            every.append(replace(found, place=place, verb=f"runs {said}", env=step.env))
    # Where it is ruff alone, the gate runs that itself, and knows its versions.
    if any(one.program != "ruff" for one in every):
        yield from every


def _commands(root: Path) -> Iterator[tuple[_Step, tuple[str, ...], int]]:
    """The commands of steps that stand alone, each with its line in the step."""
    for step in _steps(root):
        for words, line in filter(None, map(_simple, shell.read(step.text).statements)):
            if words[0] in CHANGES:
                break
            yield step, words, line


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
            workflow = _table(yaml.compose(text_of(path)))
        except ValueError:
            continue  # The gate workflows says so.
        if not _runs_for_commits(workflow.get("on")):
            continue
        where = path.relative_to(root).as_posix()
        for job in _table(workflow.get("jobs")).values():
            yield from _steps_of(where, workflow, _table(job))


def _runs_for_commits(on: Any) -> bool:
    """Whether a workflow runs for commits, and not for the tags of releases alone."""
    pushed = _table(_table(on).get("push")).keys()
    for_tags = any(key.startswith("tags") for key in pushed)
    only = for_tags and not any(key.startswith("branches") for key in pushed)
    return bool({*_names(on)} & set(FOR_COMMITS) - ({"push"} if only else set()))


def _steps_of(where: str, workflow: Mapping[str, Any], job: Mapping[str, Any]) -> Iterator[_Step]:
    if any(name in job for name in SURROUNDINGS) or "if" in job or _is_elsewhere(job):
        return
    if any(_names(_table(node.get("defaults")).get("run")) for node in (workflow, job)):
        return
    if getattr(job.get("continue-on-error"), "value", "") == "true":
        return
    steps = job.get("steps")
    for step in map(_table, getattr(steps, "value", ())):
        text = step.get("run")
        env = _environment(workflow, job, step)
        action = _action(step) if text is None and env is not None else ""
        if action:
            yield _Step(where, step["uses"].start_mark.line, action, env or {})
        if text is None or step.keys() & SPECIAL or not _runs_always(step.get("if")):
            continue
        if env is not None:
            # In a block, the text begins below its sign.
            above = text.start_mark.line + (text.style in ("|", ">"))
            yield _Step(where, above, MATRIX.sub(_this_python, str(text.value)), env)


def _this_python(found: re.Match[str]) -> str:
    return found[1] if found[1] == "py" else f"{found[1]}3.{sys.version_info.minor}"


def _runs_always(condition: Any) -> bool:
    """Whether a step's condition only says what happens after others have failed."""
    said = str(getattr(condition, "value", "")).removeprefix("${{").removesuffix("}}")
    return "".join(said.split()) in ("", "always()", "!cancelled()", "success()||failure()")


def _action(step: Mapping[str, Any]) -> str:
    """The command that an action stands for; empty for any other."""
    name = str(getattr(step.get("uses"), "value", "")).partition("@")[0]
    more = getattr(_table(step.get("with")).get("extra_args"), "value", "--all-files")
    return f"{ACTIONS[name]} {more}" if name in ACTIONS else ""


def _is_elsewhere(job: Mapping[str, Any]) -> bool:
    """Whether a job runs on another system alone."""
    return str(getattr(job.get("runs-on"), "value", "")).startswith(("windows", "macos"))


def _environment(*levels: Mapping[str, Any]) -> dict[str, str] | None:
    """The variables that a step sees; None where the forge makes them, or one of them.

    How tools colour what they say is left out.
    """
    found: dict[str, str] = {}
    for level in levels:
        if isinstance(getattr(level.get("env"), "value", None), str):
            return None
        found |= {name: str(node.value) for name, node in _table(level.get("env")).items()}
    if any("${{" in value for value in found.values()):
        return None
    return {name: value for name, value in found.items() if "COLOR" not in name}


def _in_noxfile(project: Project, gate: str) -> Iterator[_Found]:
    known = sessions(project.root)
    for name in sorted(known, key=lambda name: name != gate):
        node = known[name]
        acts = gate in SEVERAL and ACTS.search(f"{name} {ast.unparse(node)}")
        if NAMES[gate].fullmatch(name.replace("_", "-")) and not acts:
            place = f"{NOXFILE}:{node.lineno}"
            yield _Found(("nox", "-s", name), ("nox",), place, "defines it")
            return


def _in_tox(project: Project, gate: str) -> Iterator[_Found]:
    """The environments that are called for the gate's work: one, or those that tox runs unasked."""
    known = tox_environments(project.root)
    unasked = tox.asked((), tuple((name, table) for name, (_, table) in known.items()))
    several = gate in SEVERAL
    fits = [
        name
        for name in sorted(known, key=lambda name: (name not in unasked, name != gate))
        if NAMES[gate].fullmatch(name.replace("_", "-"))
        and not (several and ACTS.search(f"{name} {known[name][1].get('commands')}"))
        and not GATHERS.search(str(known[name][1].get("commands")))
    ]
    more = [name for name in fits[1:] if several and name in unasked]
    runners = [str(table.get("runner")) for _, table in known.values()]
    plugin = ("tox-uv",) if any(one.startswith("uv-venv") for one in runners) else ()
    for name in [*fits[:1], *more]:
        place = _line(project.root, known[name][0], rf"\[(?:[^\]]*[.:])?{re.escape(name)}\]")
        yield _Found(("tox", "-e", name), ("tox", *plugin), place, "defines it")


def _line(root: Path, path: str, pattern: str) -> str:
    """The place of the first line that begins so; the file where there is none."""
    for number, line in enumerate(text_of(root / path).splitlines(), 1):
        if re.match(pattern, line):
            return f"{path}:{number}"
    return path


def _in_hooks(project: Project, gate: str) -> Iterator[_Found]:
    """The hooks of pre-commit, where some are fetched: others need what is nowhere written down."""
    if gate != "lint" or project.git is None or _lints_by_hand(project.root):
        return
    try:
        data = as_table(yaml.load(text_of(project.root / HOOKS_FILE)))
    except ValueError:
        return
    repositories = {as_table(one).get("repo") for one in as_list(data.get("repos"))}
    if repositories - {"local", "meta", None}:
        skipped = as_list(as_table(data.get("ci")).get("skip"))
        env = {"SKIP": ",".join((FOR_COMMITTERS, *map(str, skipped)))}
        words = ("pre-commit", "run", "--all-files")
        yield _Found(words, ("pre-commit",), HOOKS_FILE, "says", env)


def _in_configuration(project: Project, gate: str) -> Iterator[_Found]:
    """flake8 where it is configured, and no ruff: no command of the project's own calls it."""
    if gate != "lint" or project.configures("ruff"):
        return
    if any((project.root / name).is_file() for name in RUFF_FILES):
        return
    for path in FLAKE8_FILES:
        if "flake8" in ini.sections(project.root / path):
            place = _line(project.root, path, r"\[flake8\]")
            install = ("flake8", *_flake8_plugins(project))
            called = bool(FLAKE8_CALLED.search(procedure_text(project)))
            yield _Found(("flake8",), install, place, "configures it", promised=called)
            return


def _lints_by_hand(root: Path) -> bool:
    """Whether CI calls a linter itself, so that hooks are not what the project is judged by."""
    programs = {_unwrapped(words)[0][:1] for _, words, _ in _commands(root)}
    return any((name,) in programs for name in PROGRAMS["lint"])


# --- Which commands are the project's own way


def _own(project: Project, gate: str, words: Sequence[str]) -> _Found | None:
    """What to run for a command of CI that does a gate's work by the project's own means."""
    run, install = _unwrapped(tuple(words))
    reader = READERS.get(run[0]) if run else None
    found = reader(project, gate, run) if reader else None
    if found is None:
        return None
    brought = () if run[0] in ("uv", "make") else (run[0], *install)
    brought += _flake8_plugins(project) if run[0] == "flake8" else ()
    return _Found(found, brought, project=found[0] in ("make", "pylint"))


def _flake8_plugins(project: Project) -> tuple[str, ...]:
    items = [item for table in named_tables(project) for item in table.items]
    return tuple(item for item in items if FLAKE8_PLUGIN.match(item))


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
    chosen = [name for told in selected(words, ("-e",)) for name in told.split(",")]
    words = tuple(word for word in words if word != "--skip-pkg-install")  # there is none yet
    if "--notest" in words:
        return None
    if chosen:
        known = tox_environments(project.root)
        told = [str(known[name][1].get("commands")) for name in chosen if name in known]
        fits = all(_is_called(gate, name, bare=gate == "test") for name in chosen)
        return words if fits and not any(map(GATHERS.search, told)) else None
    # Alone it runs every environment that is listed: those of other gates and other Pythons, too.
    _, base = tox_environments(project.root).get(tox.BASE, ("", {}))
    alone = gate == "test" and PLAIN_TOX.issuperset(words[1:]) and "commands" in base
    return ("tox", "-e", "py") if alone else None


def _nox(project: Project, gate: str, words: tuple[str, ...]) -> tuple[str, ...] | None:
    chosen = selected(words, ("-s", "--session", "--sessions"))
    own = sessions(project.root)
    fits = [_is_called(gate, name) and _without_python(name) in own for name in chosen]
    return words if fits and all(fits) else None


def _hatch(_project: Project, gate: str, words: tuple[str, ...]) -> tuple[str, ...] | None:
    if words[1:2] == ("fmt",) and gate == "lint":
        return words if "--check" in words else None
    if words[1:2] == ("test",) and gate == "test":
        return None if {"-a", "--all", "-py", "--python"} & set(words) else words
    named = [word for word in words[2:] if not word.startswith(("+", "-"))]
    if words[1:2] != ("run",) or not named:
        return None
    environment, _, script = named[0].rpartition(":")
    fits = _is_called(gate, script) or (script in PLAIN and _is_called(gate, environment))
    return words if fits else None


def _uv(project: Project, gate: str, words: tuple[str, ...]) -> tuple[str, ...] | None:
    if words[1:2] != ("run",) or not (project.root / "uv.lock").is_file():
        return None
    inner = _behind_options(words[2:])
    if not inner:
        return None
    module = inner[inner.index("-m") + 1 :] if "-m" in inner[:4] else ()
    if (module or inner)[0] in PROGRAMS[gate] and (module or inner)[0] not in HOOKS:
        return words if _only_judges(module or inner) else None
    found = _own(project, gate, inner)
    return words if found is not None and found.words == inner else None


def _only_judges(words: tuple[str, ...]) -> bool:
    """Whether a program is told to judge, and not to change, to serve or to publish."""
    if words[0] == "mkdocs":
        return words[1:2] == ("build",)
    if words[0] in ("black", "isort") or words[:2] == ("ruff", "format"):
        return bool(CHECKS_ONLY & set(words))
    return "--fix" not in words


def _pre_commit(project: Project, gate: str, words: tuple[str, ...]) -> tuple[str, ...] | None:
    judges = words[1:2] == ("run",) and {"-a", "--all-files"} & set(words)
    there = project.git is not None and (project.root / HOOKS_FILE).is_file()
    return words if gate == "lint" and judges and there else None


def _linter(_project: Project, gate: str, words: tuple[str, ...]) -> tuple[str, ...] | None:
    return words if gate == "lint" and _only_judges(words) else None


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
    folder, bare = Path(), [word for word in words[1:] if "=" not in word]
    if gate == "docs" and bare[:1] == ["-C"] and bare[2:] in (["html"], ["dirhtml"]):
        folder, bare = Path(bare[1]), ["docs"]
    if len(bare) != 1 or not _is_called(gate, bare[0]) or ".." in folder.parts:
        return None
    texts = [text_of(project.root / folder / name) for name in MAKEFILES]
    # A recipe that calls nox may call this very gate.
    return words if any(texts) and not any("nox" in text for text in texts) else None


SOURCES = (_in_workflows, _in_noxfile, _in_tox, _in_hooks, _in_configuration)
# By program, the best first.
READERS: Mapping[str, Callable[[Project, str, tuple[str, ...]], tuple[str, ...] | None]] = {
    "tox": _tox,
    "nox": _nox,
    "hatch": _hatch,
    "uv": _uv,
    "make": _make,
    "pre-commit": _pre_commit,
    "prek": _pre_commit,
    **dict.fromkeys(sorted(PROGRAMS["lint"] - HOOKS), _linter),
}


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
