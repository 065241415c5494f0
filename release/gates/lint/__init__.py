"""The code has no lint findings and is formatted, by the project's own commands or ruff.

Runs what the project's workflows run for that (also `hatch fmt --check`, flake8, black, isort,
pylint and pre-commit, with its action), or the session of its noxfile that is named so, as `test`
does, or tox's environments that are, or else the hooks of its .pre-commit-config.yaml, in a copy;
the line of the gate says what, and where it was found. What changes a file there, as `black .`
does, has failed. Where they cannot run here, what ruff finds is told beside that, and blocks where
the project pins ruff. Where flake8 is configured and nothing says how it is run, it reads all
files, and blocks where the project lists it among its tools.

Where there are none, runs `ruff check` with the project's configuration where it has one. Rules
that the configuration selects are judged; where it selects none, those that have always been ruff's
default are (E4, E7, E9 and F), unless the project pins the ruff version whose defaults it follows.
In a project that configures no ruff, only its import package is linted, and by those rules alone
that find errors: syntax errors, undefined names, comparisons and assertions that cannot be meant.

Blocks: what the project's own configuration or commands refuse (promises). Advice: what is found in
a project that configures no ruff.

Runs `ruff format --check` where the project formats with ruff: its configuration has a `format`
table, or one of its procedure files (hooks, noxfile, tox, workflows, scripts) calls it.

A ruff version that the project pins or locks is the one that judges. Where it pins none, what
earlier versions let pass is not judged: the format of Markdown, and syntax too new for the oldest
Python that the project supports, outside of its import package.

`run` in [tool.release.gates.lint] replaces all of it with commands of the project's own, for which
`install`, `groups` and `extras` say what their environment holds.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck
from release.model import Finding, Gate, Judgement, Outcome, Status
from release.text import python

if TYPE_CHECKING:
    from release.project import Project
    from release.run.commands import Lacking
    from release.run.processes import Completed
    from release.run.shell import Shell
    from release.settings import CommandSettings

ERROR_RULES = "E9,F63,F7,F82"
LONG_DEFAULT_RULES = '["E4", "E7", "E9", "F"]'
# Names that surroundings put among the built-in ones: IPython, and gettext's install().
INJECTED_NAMES = ("get_ipython", "_")
PYTHON_FILES = (".py", ".pyi", ".pyw", ".ipynb")
FORMAT_FAILED = 2  # of `ruff format`, which ends so for a syntax error that is found already
# By version and output format: a line of its own, a place below the message, or one before it.
UNFORMATTED = re.compile(
    r"^Would reformat: (.+)$"
    r"|^unformatted: .*\n\s*--> (.+?)(?::\d+)*$"
    r"|^(.+?)(?::\d+)+: unformatted: .*$",
    re.M,
)
HOOK = re.compile(r"^.+?\.{3,}(?:\(.*\))?(Passed|Failed|Skipped)$", re.M)
MENDED = "files were modified by this hook"
NO_HOOK = Finding(
    "no hook of pre-commit looked at a file",
    remedy="say what is linted: tool.release.gates.lint.run",
)
NOT_ALWAYS_FORMATTED = (".md", ".markdown")


@dataclass(frozen=True, slots=True)
class Procedure:
    """How a project uses ruff.

    `configured` says whether it configures ruff, `selects` whether that names rules, `formats`
    whether it formats with it, `requirement` which other version than ours it wants, `pinned`
    whether it names one version.
    """

    configured: bool
    selects: bool
    formats: bool
    requirement: str | None
    pinned: bool


def check(project: Project, shell: Shell) -> Outcome:
    from release.settings import CommandSettings

    settings = project.settings.gates.of("lint", CommandSettings)
    if settings.run is None:
        return _by_ruff(project, shell)
    own = _by_own(project, shell, settings)
    if own.status is Status.UNCHECKED and read_configuration(project) is not None:
        beside = _by_ruff(project, shell)
        judged = Judgement(beside.checked, beside.blocking)
        judged = judged if read_procedure(project).pinned else judged.as_advice()
        if beside.status is Status.FAILED:
            judged += Judgement(unchecked=own.findings)
            return judged.settle("", failed=beside.summary)
    return own


def _by_own(project: Project, shell: Shell, settings: CommandSettings) -> Outcome:
    from release.project.detect import Detected
    from release.run.commands import judge_own, lacking_in, run_set

    lacking = lacking_in(project, "lint", settings)
    promised = not isinstance(settings, Detected) or settings.promised

    def judged(words: Sequence[str], done: Completed) -> Judgement:
        read = judge_hooks if HOOK.search(done.stdout) else judge_own
        found = read(words, done, lacking)
        return found if promised else found.as_advice()

    return run_set(project, shell, settings, tools=shell.tools, judge=judged)


def judge_hooks(words: Sequence[str], done: Completed, lacking: Lacking) -> Judgement:
    """What the hooks of pre-commit, or prek, that a command ran found; each by itself."""
    from release.run.commands import by_places, by_status

    judged = Judgement()
    states = HOOK.split(done.stdout)[1:]
    for state, said in zip(states[::2], states[1::2], strict=True):
        missing = lacking(_hook(said), said) if state == "Failed" else ()
        if missing:
            judged += Judgement(unchecked=missing)
        elif state == "Failed":
            one = by_places(words, replace(done, stdout=said, stderr=""))
            placed = all(finding.path for finding in one.defects)
            judged += one if placed else Judgement(1, (_by_hook(said),))
        elif state == "Passed":
            judged += Judgement(1)
    if done.status and not (judged.defects or judged.unchecked):
        return judged + by_status(words, done)
    return judged if judged.checked or judged.unchecked else Judgement(unchecked=(NO_HOOK,))


def _by_hook(said: str) -> Finding:
    """What a hook that names no place, or mended files itself, is told of."""
    name = _hook(said)
    again = f"pre-commit run {name} --all-files"
    if MENDED in said:
        files = re.findall(r"^(?:Fixing|Fixed|Rewriting|reformatted) (\S+)$", said, re.M)
        path = files[0] if len(files) == 1 else None
        more = f" ({', '.join(files)})" if len(files) > 1 else ""
        return Finding(
            f"{name} changed files{more}", path, remedy=f"{again}, and commit the result"
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = next((line for line in lines if not line.startswith("- ")), "it failed")
    return Finding(f"{name}: {told}", remedy=f"{again}, and fix what it says")


def _hook(said: str) -> str:
    found = re.search(r"^- hook id: (\S+)$", said, re.M)
    return found[1] if found else "a hook"


def _by_ruff(project: Project, shell: Shell) -> Outcome:
    procedure = read_procedure(project)
    targets, options = choose(project, procedure)
    ruff = _ruff(project, shell, procedure.requirement)
    number, items = ruff_check(shell, ruff, options, targets)
    if not procedure.pinned:
        items = [item for item in items if not is_newer_syntax(item, project)]
    findings = list(judge(items, project.root))
    parts = ["ruff check"]
    if procedure.formats:
        shown = shell.run(ruff, "format", "--check", _cache(shell), *targets)
        if not findings or shown.status != FORMAT_FAILED:
            _must_have_run(shown, (0, 1))
            findings += judge_format(shown.stdout, project.root, shown.status, procedure.pinned)
        parts.append("ruff format")
    by = f"ruff {_version(shell, ruff)}"
    why = "" if procedure.pinned or not procedure.configured else "; the project pins no ruff"
    count = f"{len(findings)} finding{'' if len(findings) == 1 else 's'} by {by}{why}"
    judged = Judgement(number, tuple(findings))
    if not procedure.configured:
        judged = judged.as_advice()
    summary = f"{' and '.join(parts)}: {number} files"
    return judged.settle(f"{summary}, {count}" if findings else f"{summary} clean", failed=count)


def read_procedure(project: Project) -> Procedure:
    """How the project uses ruff, as its configuration and procedure files say."""
    from release.project.declared import exact_version, own_version, procedure_text
    from release.run.environments import pinned_version

    configuration = read_configuration(project)
    if configuration is None:
        return Procedure(False, False, False, None, False)
    text = procedure_text(project)
    ours = pinned_version(GATE, "ruff")
    demanded = str(configuration.get("required-version") or "")
    return Procedure(
        configured=True,
        selects=selects_rules(configuration),
        formats=formats(configuration, text),
        requirement=own_version(project, text, "ruff", ours, demanded),
        pinned=exact_version(project, text, "ruff", demanded) is not None,
    )


def read_configuration(project: Project) -> Mapping[str, Any] | None:
    """The project's configuration for ruff, None if it has none.

    As ruff does, `.ruff.toml` is read before `ruff.toml`, and that before pyproject.toml. Raises
    CannotCheck when it is not TOML.
    """
    from release.project import read_text
    from release.project.detect import RUFF_FILES
    from release.text import toml

    for name in RUFF_FILES:
        if (project.root / name).is_file():
            try:
                return toml.loads(read_text(project.root, name))
            except tomllib.TOMLDecodeError as error:
                raise CannotCheck(f"{name} is not valid TOML: {error}", "fix it") from None
    return project.tool("ruff") if project.configures("ruff") else None


def selects_rules(configuration: Mapping[str, Any]) -> bool:
    """Whether a configuration of ruff names the rules that count, or may (by `extend`)."""
    lint = configuration.get("lint")
    tables = [configuration, lint if isinstance(lint, Mapping) else {}]
    return any("select" in table or "extend" in table for table in tables)


def choose(project: Project, procedure: Procedure) -> tuple[list[str], list[str]]:
    """What ruff is to read, and its options."""
    if procedure.configured:
        if procedure.selects or procedure.pinned:
            return ["."], []
        return ["."], ["--config", f"lint.select={LONG_DEFAULT_RULES}"]
    if project.package_path is None:
        project.require_package()
    builtins = f"builtins={json.dumps(INJECTED_NAMES)}"
    options = ["--isolated", f"--select={ERROR_RULES}", "--config", builtins]
    if typing := sorted(set(literal_sources(project))):
        options += ["--config", f"lint.typing-modules={json.dumps(typing)}"]
    return [str(project.package_path)], options


def literal_sources(project: Project) -> Iterator[str]:
    """The modules, typing aside, from which the package imports Literal: they hand it on.

    ruff would take the texts in Literal["text"] for annotations else, and miss their names (F821).
    """
    assert project.package_path is not None
    root = project.root / project.package_path
    for path in [root] if root.is_file() else sorted(root.rglob("*.py")):
        try:
            tree = python.parse(path.read_text("utf-8"))
        except (OSError, ValueError, SyntaxError):
            continue
        parts = path.relative_to(project.root / project.source_root).parts
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and "Literal" in {a.name for a in node.names}:
                above = parts[: len(parts) - node.level] if node.level else ()
                yield ".".join((*above, *([node.module] if node.module else [])))


def formats(configuration: Mapping[str, Any], text: str) -> bool:
    """Whether a project that configures ruff formats with it; `text` is of its procedure files."""
    called = r"\bruff[ -]format\b|[\"']ruff[\"'],\s*[\"']format[\"']"
    return "format" in configuration or re.search(called, text) is not None


def is_newer_syntax(item: Mapping[str, Any], project: Project) -> bool:
    """Whether ruff reports a file beside the import package for syntax that old Pythons lack.

    Tests may be there for newer Pythons only; what the package ships must be read by all.
    """
    if not re.match(r"Cannot use .+ on Python \d", str(item.get("message"))):
        return False
    path = _relative(item.get("filename"), project.root) or ""
    package = project.package_path
    return package is None or not (path == package or path.startswith(f"{package}/"))


def judge(items: Sequence[Mapping[str, Any]], root: Path) -> Iterator[Finding]:
    """Findings for what `ruff check --output-format=json` printed."""
    for item in items:
        code = item.get("code")
        code = None if code in {None, "invalid-syntax"} else code
        message = str(item["message"])
        yield Finding(
            f"{code}: {message}" if code else message,
            _relative(item.get("filename"), root),
            (item.get("location") or {}).get("row"),
            f"fix it, or see `ruff rule {code}`" if code else "fix the syntax there",
        )


def judge_format(text: str, root: Path, status: int, pinned: bool) -> list[Finding]:
    """Findings for what `ruff format --check` printed, and its exit status (0 or 1).

    Markdown is let pass unless the project pins its ruff.
    """
    names = dict.fromkeys(filter(None, itertools.chain(*UNFORMATTED.findall(text))))
    judged = [name for name in names if pinned or not name.lower().endswith(NOT_ALWAYS_FORMATTED)]
    findings = [
        Finding(
            "is not formatted", _relative(name, root), remedy=f"ruff format {_relative(name, root)}"
        )
        for name in judged
    ]
    if status != 0 and not names:
        findings.append(Finding("files are not formatted", remedy="ruff format"))
    return findings


def _ruff(project: Project, shell: Shell, requirement: str | None) -> str:
    if requirement is None:
        return shell.tools.tool("ruff")
    from release.project.declared import Requirements
    from release.run.installed import project_environment

    wanted = Requirements(install=(requirement,))
    return project_environment(project, shell, wanted, with_project=False).tool("ruff")


def _version(shell: Shell, ruff: str) -> str:
    return shell.run(ruff, "--version").stdout.strip().removeprefix("ruff ")


def _cache(shell: Shell) -> str:
    return f"--cache-dir={shell.folder / 'cache' / 'ruff'}"


def ruff_check(
    shell: Shell, ruff: str, options: Sequence[str], targets: Sequence[str]
) -> tuple[int, list[Mapping[str, Any]]]:
    """How many Python files ruff reads, and what it finds in them.

    Raises CannotCheck when it reads none or breaks.
    """
    files = shell.run(ruff, "check", "--show-files", *options, *targets)
    _must_have_run(files, (0,))
    number = sum(name.endswith(PYTHON_FILES) for name in files.stdout.splitlines())
    if number == 0:
        own = f"tool.release.gates.{shell.gate.name}.run"
        remedy = f"correct what its configuration excludes, or say what is to be run: {own}"
        raise CannotCheck("ruff found no Python file", remedy)
    command = [ruff, "check", "--no-fix", "--output-format=json", _cache(shell)]
    done = shell.run(*command, *options, *targets)
    _must_have_run(done, (0, 1))
    try:
        items = json.loads(done.stdout or "[]")
    except ValueError:
        raise CannotCheck("ruff printed something else than its findings", "see the log") from None
    if not isinstance(items, list) or bool(items) != bool(done.status):
        raise CannotCheck("ruff failed and does not say why", "see the log")
    return number, items


def _must_have_run(done: Completed, statuses: tuple[int, ...]) -> None:
    if done.status not in statuses:
        causes = re.findall(r"^\s*(?:error|ruff failed|cause):?\s*(.+)$", done.stderr, re.I | re.M)
        raise CannotCheck(
            f"ruff could not run: {'; '.join(causes) or done.last_line}",
            "fix its configuration, or see the log",
        )


def _relative(name: str | None, root: Path) -> str | None:
    if name is None:
        return None
    path = Path(name)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


GATE = Gate(
    name="lint",
    title="no lint findings; formatted",
    check=check,
    tools=("ruff",),
    cost=0.6,
    order=90,
    settings="release.settings:CommandSettings",
    defects="release.gates.lint.defects:DEFECTS",
)
