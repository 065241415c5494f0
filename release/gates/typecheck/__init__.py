"""The code is free of type errors, by the project's own commands, mypy or pyright.

Runs what the project's workflows run for that, or the session of its noxfile that is named so, as
`test` does; the line of the gate says what, and where it was found. What is missing in its
environment makes the gate unchecked.

Where there is none, runs mypy with the project's configuration, in an environment that holds the
project and what its mypy hook of pre-commit brings, or else what it declares for type checking and
testing (dependency groups, extras, requirement files). The mypy version that the project pins,
locks or brings is used, else a pinned one. A project that configures pyright and no mypy is checked
by the pyright that it brings.

A project that configures no type checker never promised to please one: its import package is then
judged for contradictions alone, as mypy sees them: undefined names, calls, arguments and returns
that do not fit the annotations that are there.

Blocks: what the configured checker or the project's own commands refuse (promises). Code that
cannot be parsed does, too (certain). Advice: what else is found in a project that configures none.

Modules of the project's own that its build makes, such as a `_version.py`, are taken from a build
where the tree lacks them. Others that are missing make the gate unchecked, where a finding may come
from them: say what to install with `groups`, `extras` or `install`. It does not apply to a project
that configures no type checker and annotates nothing.

`run` in [tool.release.gates.typecheck] replaces all of it with commands of the project's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck
from release.model import Finding, Gate, Judgement, Level, Outcome, Status

if TYPE_CHECKING:
    from release.project import Project
    from release.run.commands import Judge
    from release.run.environments import Environment
    from release.run.processes import Completed
    from release.run.shell import Shell
    from release.settings import CommandSettings

MYPY_FILES = ("mypy.ini", ".mypy.ini")
ERROR = re.compile(
    r"^(?P<path>.+?):(?P<line>\d+):(?:\d+:)* error: (?P<message>.*?)(?:  \[(?P<code>[\w-]+)\])?$"
)
CHECKED = re.compile(
    r"(?:(?:no issues found in|checked)(?= \d+ source files?)|Total files checked:) (\d+)"
)
# What mypy, pyright, ty and pyrefly say when they found nothing.
SHOWN = re.compile(
    rf"{CHECKED.pattern}|^(?:\x1b\[\d+m)?0 errors\b|All checks passed|\bINFO 0 errors", re.M
)
NOT_FOUND = re.compile(
    r'library stub for module named "([^"]+)"|Library stubs not installed for "([^"]+)"'
)
# What pyright says of a module of others.
UNRESOLVED = re.compile(r'error: Import "(\w+)[\w.]*" could not be resolved')
# What mypy, pyright, ty and pyrefly say of a module that is not there.
OWN_ABSENT = re.compile(
    r"(?:module named|Import|imported module|Could not find import of) [\"`]([\w.]+)[\"`]"
)
HINT = re.compile(
    r'Library stubs not installed for "([\w]+)[^"]*".*\n.*'
    r'Hint: "python3 -m pip install ([\w.-]+)"'
)
OTHER_CHECKERS = {
    "ty": r"\bty check\b|^\[tool\.ty\b|[\"']ty[\"'],\s*[\"']check[\"']",
    "pyrefly": r"\bpyrefly check\b|^\[tool\.pyrefly\b",
    "pytype": r"\bpytype\b",
}
# What mypy says of code that contradicts its own annotations, whatever its settings.
CONTRADICTIONS = frozenset(
    ("syntax", "name-defined", "used-before-def", "call-arg", "arg-type", "return-value", "return",
     "valid-type")
)  # fmt: skip
# What the mypy hook of pre-commit is called with unless it is told otherwise.
HOOK_ARGUMENTS = ("--ignore-missing-imports", "--scripts-are-modules")
REMEDY = "fix the types there"


@dataclass(frozen=True, slots=True)
class MypyError:
    """One error of mypy's: the path as mypy names it, the line (from 1), its code and message."""

    path: str
    line: int
    code: str
    message: str


def check(project: Project, shell: Shell) -> Outcome:
    from release.settings import CommandSettings

    settings = project.settings.gates.of("typecheck", CommandSettings)
    if settings.run is not None:
        return _as_built(project, shell, partial(_run_own, project, shell, settings))
    found = checker(project)
    if found not in (None, "mypy", "pyright"):
        raise CannotCheck(
            f"the project is checked by {found}",
            f'set run = ["{found} check"] and install = ["{found}"]'
            " in [tool.release.gates.typecheck]",
        )
    by_pyright = found == "pyright"
    environment = _environment(project, shell, by_pyright)
    run = partial(_pyright if by_pyright else _mypy, project, shell, environment)
    return _as_built(project, shell, run)


def _as_built(project: Project, shell: Shell, run: Callable[[Path], Outcome]) -> Outcome:
    """What a run says of the project's folder, or of a copy with the modules that its build makes.

    A module of the project's own that is not found, in a folder that is there, may be one of them.
    """
    from release.project.declared import own_modules
    from release.run.installed import copy_as_built

    outcome = run(project.root)
    if outcome.status is not Status.FAILED:
        return outcome
    own = own_modules(project)
    absent = set()
    for name in OWN_ABSENT.findall("\n".join(finding.message for finding in outcome.findings)):
        path = Path(project.source_root, *name.split("."))
        folder = project.root / path.parent
        if name.partition(".")[0] in own and folder.is_dir() and not (project.root / path).is_dir():
            absent.add(f"{path.as_posix()}.py")
    if not absent:
        return outcome
    copy, made = copy_as_built(project, shell)
    return run(copy) if absent & made else outcome


def _run_own(project: Project, shell: Shell, settings: CommandSettings, folder: Path) -> Outcome:
    from release.project.detect import Detected
    from release.run.commands import run_set

    judge = _judge(project, settings, shows=isinstance(settings, Detected))
    copy = folder if folder != project.root else None
    return run_set(project, shell, settings, judge=judge, folder=copy)


def _judge(project: Project, settings: CommandSettings, *, shows: bool) -> Judge:
    from release.project.declared import own_modules
    from release.project.detect import missing_remedy

    own, remedy = own_modules(project), missing_remedy(project, "typecheck", settings)
    return lambda words, done: judge_command(words, done, own, remedy, shows=shows)


def judge_command(
    words: Sequence[str],
    done: Completed,
    own: frozenset[str],
    remedy: Callable[[Iterable[str]], str],
    *,
    shows: bool,
) -> Judgement:
    """What is wrong with a command of the project's own; errors like mypy's are read.

    `shows` says that it must show that it checked types: nobody said that it does.
    """
    from release.run.commands import by_places
    from release.run.lacks import lacks, remedy_for, told

    output = f"{done.stdout}\n{done.stderr}"
    errors = read_mypy(output) if done.status else []
    missing = {*not_found(errors, own), *(lacks(output, own) if done.status else ())}
    missing |= {name for name in UNRESOLVED.findall(output) if name not in own}
    said = " ".join(words)
    if missing:
        wanted = to_install(missing, output)
        raise CannotCheck(f"{said} needs {told(missing)}", remedy_for(wanted, remedy))
    if shows and done.status == 0 and not SHOWN.search(output):
        raise CannotCheck(
            f"{said} did not show that it checked types",
            "say how they are checked: tool.release.gates.typecheck.run",
        )
    numbers = [int(number) for number in CHECKED.findall(output)]
    if numbers and not any(numbers):
        raise CannotCheck(f"{said} checked no file", "tell it which: `include`")
    number = sum(numbers) or 1
    if errors:
        return Judgement(number, _findings(errors))
    found = by_places(words, done) if done.status else Judgement()
    return Judgement(number) + replace(found, checked=0)


def checker(project: Project) -> str | None:
    """The type checker that the project configures, or that its procedures call."""
    from release.project.declared import procedure_text

    if (configured := _configured(project)) is not None:
        return configured
    text = procedure_text(project)
    called = (name for name, calls in OTHER_CHECKERS.items() if re.search(calls, text, re.M))
    return next(called, "ty" if project.configures("ty") else None)


def _configured(project: Project) -> str | None:
    if _mypy_settings(project) is not None:
        return "mypy"
    declared = project.configures("pyright") or project.configures("basedpyright")
    return "pyright" if declared or (project.root / "pyrightconfig.json").is_file() else None


def _environment(project: Project, shell: Shell, by_pyright: bool) -> Environment:
    from release.project.declared import Requirements, chosen_requirements, hook
    from release.run.installed import project_environment
    from release.settings import CommandSettings

    settings = project.settings.gates.of("typecheck", CommandSettings)
    hooked = None if by_pyright else hook(project, "mypy")
    if hooked is not None:
        wanted = chosen_requirements(project, settings)
        wanted |= Requirements(install=hooked.requirements)
    else:
        wanted = chosen_requirements(project, settings, "typecheck", "test")
    if not by_pyright and settings.groups is None and settings.extras is None:
        wanted |= Requirements(install=_mypy_requirement(project))
    # A plugin of mypy's must be beside it, and it imports the project's dependencies.
    plugins = not by_pyright and "plugins" in (_mypy_settings(project) or {})
    return project_environment(project, shell, wanted, tools=("mypy",) if plugins else ())


def _mypy_requirement(project: Project) -> tuple[str, ...]:
    """The mypy that the project pins or locks, unless its lists of requirements exclude it."""
    from release.project.declared import allows, exact_version, procedure_text, ranges
    from release.run.environments import pinned_version

    version = exact_version(project, procedure_text(project), "mypy")
    if version is None or version == pinned_version(GATE, "mypy"):
        return ()
    fits = all(allows(item, version) for item in ranges(project, "mypy"))
    return (f"mypy=={version}",) if fits else ()


def _mypy(project: Project, shell: Shell, found: Environment, folder: Path) -> Outcome:
    from release.project.declared import hook

    configuration = _mypy_settings(project)
    own = found.find("mypy")
    command = [own or shell.tools.tool("mypy"), f"--cache-dir={shell.folder / 'cache' / 'mypy'}"]
    # Whatever the project's settings make of the output, it is read line by line.
    command += ["--no-pretty", "--no-color-output", "--show-error-codes", "--hide-error-context"]
    command.append("--hide-absolute-path")
    if own is None:
        command.append(f"--python-executable={found.python}")
    hooked = hook(project, "mypy")
    if hooked is not None:
        arguments = HOOK_ARGUMENTS if hooked.arguments is None else hooked.arguments
        command += [word for word in arguments if word.startswith("--")]
    if configuration is None:
        command += ["--config-file=", "--ignore-missing-imports", "--exclude", r"(^|/)tests?/"]
    if not configuration or not {"files", "packages", "modules"} & set(configuration):
        if project.package_path is None:
            project.require_package()
        command.append(str(project.package_path))
    path = {"MYPYPATH": str(folder / project.source_root) if project.has_src_layout else ""}
    path["PYTHONPATH"] = ""  # the tree is what it finds by MYPYPATH
    done = shell.run(*command, cwd=folder, inside=found, env=path)
    errors = read_mypy(done.stdout)
    if done.status not in {0, 1} and not any(error.code == "syntax" for error in errors):
        raise CannotCheck(f"mypy could not run: {_complaint(done)}", "fix its configuration")
    if configuration is None:
        package = str(project.package_path)
        errors = [
            error
            for error in errors
            if (error.path == package or error.path.startswith(f"{package}/"))
            and error.code in CONTRADICTIONS
        ]
        return judge_mypy(done.stdout, errors, 1 if errors else 0, promised=False)
    errors = _reliable(project, found, errors, done.stdout)
    return judge_mypy(done.stdout, errors, done.status)


def read_mypy(text: str) -> list[MypyError]:
    """The errors in what mypy printed."""
    found = []
    for line in text.splitlines():
        if match := ERROR.match(line):
            path = match["path"].replace("\\", "/")
            found.append(MypyError(path, int(match["line"]), match["code"] or "", match["message"]))
    return found


def judge_mypy(
    text: str, errors: Sequence[MypyError], status: int, *, promised: bool = True
) -> Outcome:
    """The verdict on what mypy printed, the errors in it that count, and its exit status.

    `promised` says that the project configures mypy.
    """
    counted = CHECKED.search(text)
    number = int(counted[1]) if counted else 0
    findings = _findings(errors)
    said = f"{len(findings)} contradictions" if findings else "clean"
    judged = Judgement(number, findings)
    if not (promised or any(error.code == "syntax" for error in errors)):
        judged = judged.as_advice()
    elif status != 0 and not findings:
        lines = text.strip().splitlines() or ["mypy failed and said nothing"]
        judged += Judgement.one(Finding(lines[-1], remedy="read the log"), checked=0)
    if number == 0 and not judged.defects:
        return Outcome.unchecked("mypy checked no file", "tell it which: `files` in its settings")
    return judged.settle(f"mypy: {number} files {said}")


def _findings(errors: Sequence[MypyError]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            f"{error.code}: {error.message}" if error.code else error.message,
            error.path,
            error.line,
            "fix the syntax there" if error.code == "syntax" else REMEDY,
        )
        for error in errors
    )


def not_found(errors: Sequence[MypyError], own: frozenset[str]) -> list[str]:
    """The top-level modules of others that mypy says it cannot see, sorted."""
    names = {
        (match[1] or match[2]).partition(".")[0]
        for error in errors
        if error.code.startswith("import") and (match := NOT_FOUND.search(error.message))
    }
    return sorted(names - own)


def to_install(missing: Iterable[str], text: str) -> list[str]:
    """What to install for modules that mypy cannot see: stubs where it names their distribution."""
    stubs = dict(HINT.findall(text))
    return sorted({stubs.get(name, name) for name in missing})


def _reliable(
    project: Project, found: Environment, errors: list[MypyError], text: str
) -> list[MypyError]:
    """The errors that no module missing from the environment can have caused.

    Raises CannotCheck when that leaves none of them.
    """
    from release.project.declared import absent_imports, install_remedy, own_modules

    if not errors:
        return errors
    missing = not_found(errors, own_modules(project))
    if not missing:
        absent = absent_imports(project, found.site_packages())
        kept = [error for error in errors if error.path not in absent]
        if kept:
            return kept
        missing = sorted(set().union(*(absent[error.path] for error in errors)))
    raise CannotCheck(
        "types are unknown of modules that are not installed, or have no stubs:"
        f" {', '.join(missing)}",
        install_remedy(project, "typecheck", to_install(missing, text)),
    )


def _pyright(project: Project, shell: Shell, found: Environment, folder: Path) -> Outcome:
    from release.run.commands import run_commands
    from release.settings import CommandSettings

    program = "basedpyright" if found.find("basedpyright") else "pyright"
    if found.find(program) is None:
        return Outcome.unchecked(
            "the project configures pyright, and none of its requirement lists brings pyright",
            'set install = ["pyright"] in [tool.release.gates.typecheck]',
        )
    settings = project.settings.gates.of("typecheck", CommandSettings)
    words = (program, "--level=error", "--stats", f"--pythonpath={found.python}")
    judge = _judge(project, settings, shows=True)

    def judged(words: Sequence[str], done: Completed) -> Judgement:
        # What it says goes on in lines below, the last of which names the rule.
        return judge(words, replace(done, stdout=re.sub(r"\n[^\S\n]{4,}", " ", done.stdout)))

    return run_commands(shell, [words], found, {}, judged, folder)


def _complaint(done: Completed) -> str:
    """What mypy says is wrong when it cannot go on."""
    lines = (done.stdout + done.stderr).splitlines()
    for line in lines:
        if " error: " in line or line.startswith(("mypy: error:", "usage:")):
            return re.sub(r"  \[[\w-]+\]$", "", line)
    return done.last_line


def _mypy_settings(project: Project) -> Mapping[str, Any] | None:
    """The global section of mypy's configuration, found as mypy finds it; None without one."""
    from release.text import ini

    for name in MYPY_FILES:
        if (project.root / name).is_file():
            return ini.section(project.root / name, "mypy") or {}
    if project.configures("mypy"):
        return project.tool("mypy")
    return ini.section(project.root / "setup.cfg", "mypy")


def _applies(project: Project, _level: Level | None) -> str | None:
    from release.settings import CommandSettings

    if project.settings.gates.of("typecheck", CommandSettings).run is not None:
        return None
    if _configured(project) or project.package_path is None:
        return None
    package = project.root / project.package_path
    if (package / "py.typed").exists():
        return None
    files = [package] if package.is_file() else sorted(package.rglob("*.py"))
    annotation = re.compile(rb"^\s*(async )?def .*\)\s*->", re.M)
    if any(annotation.search(path.read_bytes()) for path in files if path.is_file()):
        return None
    return "configures no type checker, ships no py.typed and annotates nothing"


GATE = Gate(
    name="typecheck",
    title="no type errors",
    check=check,
    applies=_applies,
    tools=("mypy",),
    cost=6.0,
    order=100,
    settings="release.settings:CommandSettings",
    defects="release.gates.typecheck.defects:DEFECTS",
)
