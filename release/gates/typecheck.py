"""The code is free of type errors, by mypy or the project's own commands.

Runs mypy with the project's configuration, in an environment that holds the project and what it
needs for type checking (its dependency groups, extras or requirement files of the usual names).
The mypy that the project's groups bring is used where they do, else a pinned one. In a project
that configures no mypy, its import package is checked and imports without types are let pass. A
project that declares pyright alone is checked by the pyright that its groups bring.

Does not apply to a project that declares no type checker, ships no py.typed and annotates nothing.
`run` in [tool.release.gates.typecheck] replaces all of it with commands of the project's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck
from release.model import Finding, Gate, Level, Outcome

if TYPE_CHECKING:
    from release.installed import ProjectEnvironment
    from release.project import Project
    from release.shell import Shell

MYPY_FILES = ("mypy.ini", ".mypy.ini")
ERROR = re.compile(
    r"^(?P<path>[^:\n]+):(?P<line>\d+):(?:\d+:)? error: (?P<message>.*?)(?:  \[(?P<code>[\w-]+)\])?$"
)
CHECKED = re.compile(r"(?:no issues found in|checked) (\d+) source files?")


def check(project: Project, shell: Shell) -> Outcome:
    settings = project.settings.gates.typecheck
    if settings.run is not None:
        from release.gates.command import run_set

        return run_set(project, shell, settings)
    from release.declared import Requirements, requirements

    if settings.groups is not None or settings.extras is not None or settings.install:
        wanted = Requirements(settings.groups or (), settings.extras or (), (), settings.install)
    else:
        wanted = requirements(project, "typecheck")
    from release.installed import project_environment

    found = project_environment(
        project,
        shell,
        groups=wanted.groups,
        extras=wanted.extras,
        files=wanted.files,
        install=wanted.install,
    )
    if uses_pyright(project):
        return _pyright(project, shell, found)
    return _mypy(project, shell, found)


def configures_mypy(project: Project) -> bool:
    """Whether the project has a configuration for mypy."""
    if "mypy" in _tool(project.pyproject):
        return True
    if any((project.root / name).is_file() for name in MYPY_FILES):
        return True
    setup_cfg = project.root / "setup.cfg"
    return setup_cfg.is_file() and "[mypy]" in setup_cfg.read_text("utf-8", "replace")


def uses_pyright(project: Project) -> bool:
    """Whether the project configures pyright and no mypy."""
    declared = "pyright" in _tool(project.pyproject) or "basedpyright" in _tool(project.pyproject)
    return not configures_mypy(project) and (
        declared or (project.root / "pyrightconfig.json").is_file()
    )


def _mypy(project: Project, shell: Shell, found: ProjectEnvironment) -> Outcome:
    configured = configures_mypy(project)
    own = found.environment.find("mypy")
    program = own or shell.tools.tool("mypy")
    command = [program, f"--cache-dir={shell.folder / 'cache' / 'mypy'}", "--no-color-output"]
    if own is None:
        command.append(f"--python-executable={found.environment.python}")
    if not configured:
        command += ["--ignore-missing-imports", "--exclude", r"(^|/)tests?/"]
    if not names_its_files(project):
        if project.package_path is None:
            project.require_package()
        command.append(str(project.package_path))
    done = shell.run(*command, inside=found.environment, env={"MYPYPATH": _mypy_path(project)})
    if done.status not in {0, 1}:
        raise CannotCheck(f"mypy could not run: {done.last_line}", "mend its configuration")
    return judge_mypy(done.stdout, done.status)


def judge_mypy(text: str, status: int) -> Outcome:
    """The verdict on what mypy printed and its exit status (0 or 1)."""
    findings = []
    for line in text.splitlines():
        if match := ERROR.match(line):
            code = f"{match['code']}: " if match["code"] else ""
            findings.append(
                Finding(
                    f"{code}{match['message']}",
                    match["path"].replace("\\", "/"),
                    int(match["line"]),
                    "mend the types there",
                )
            )
    counted = CHECKED.search(text)
    number = int(counted[1]) if counted else 0
    if findings or status != 0:
        said = text.strip().splitlines() or ["mypy failed and said nothing"]
        return Outcome.failed(
            tuple(findings) or (Finding(said[-1], remedy="read the log"),), checked=number
        )
    if number == 0:
        return Outcome.unchecked("mypy checked no file", "tell it which: `files` in its settings")
    return Outcome.passed(number, f"mypy: {number} files clean")


def _pyright(project: Project, shell: Shell, found: ProjectEnvironment) -> Outcome:
    program = found.environment.find("basedpyright") or found.environment.find("pyright")
    if program is None:
        return Outcome.unchecked(
            "the project configures pyright, and no dependency group of it brings pyright",
            'set install = ["pyright"] in [tool.release.gates.typecheck]',
        )
    python = f"--pythonpath={found.environment.python}"
    done = shell.run(program, "--outputjson", python, inside=found.environment)
    try:
        data = json.loads(done.stdout)
    except ValueError:
        raise CannotCheck(f"pyright could not run: {done.last_line}", "see the log") from None
    return judge_pyright(data, str(project.root))


def judge_pyright(data: Mapping[str, Any], root: str) -> Outcome:
    """The verdict on what `pyright --outputjson` printed; warnings are let pass, as it does."""
    number = int(data["summary"]["filesAnalyzed"])
    findings = tuple(
        Finding(
            f"{item.get('rule') or 'error'}: {item['message']}",
            str(item["file"]).removeprefix(root).lstrip("/\\"),
            item["range"]["start"]["line"] + 1,
            "mend the types there",
        )
        for item in data["generalDiagnostics"]
        if item["severity"] == "error"
    )
    if findings:
        return Outcome.failed(findings, checked=number)
    if number == 0:
        return Outcome.unchecked("pyright checked no file", "tell it which: `include`")
    return Outcome.passed(number, f"pyright: {number} files clean")


def names_its_files(project: Project) -> bool:
    """Whether mypy's configuration says what to check."""
    table = _tool(project.pyproject).get("mypy")
    if isinstance(table, Mapping) and {"files", "packages", "modules"} & set(table):
        return True
    for name in (*MYPY_FILES, "setup.cfg"):
        path = project.root / name
        if path.is_file():
            text = path.read_text("utf-8", "replace")
            section = re.search(r"^\[mypy\]\s*$(.*?)(?=^\[|\Z)", text, re.M | re.S)
            if section and re.search(r"^(files|packages|modules)\s*=", section[1], re.M):
                return True
    return False


def _mypy_path(project: Project) -> str:
    return str(project.root / project.source_root) if project.has_src_layout else ""


def _applies(project: Project, level: Level | None) -> str | None:
    if project.settings.gates.typecheck.run is not None:
        return None
    if configures_mypy(project) or uses_pyright(project) or project.package_path is None:
        return None
    package = project.root / project.package_path
    if (package / "py.typed").exists():
        return None
    files = [package] if package.is_file() else sorted(package.rglob("*.py"))
    annotation = re.compile(rb"^\s*(async )?def .*\)\s*->", re.M)
    if any(annotation.search(path.read_bytes()) for path in files if path.is_file()):
        return None
    return "declares no type checker, ships no py.typed and annotates nothing"


def _tool(pyproject: Mapping[str, Any]) -> Mapping[str, Any]:
    tool = pyproject.get("tool")
    return tool if isinstance(tool, Mapping) else {}


GATE = Gate(
    name="typecheck",
    title="no type errors",
    check=check,
    applies=_applies,
    tools=("mypy",),
    cost=6.0,
)
