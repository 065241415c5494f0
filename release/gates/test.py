"""The project's tests pass, by pytest or the project's own commands.

Runs pytest in an environment that holds the project and what it needs for testing (its dependency
groups, extras or requirement files of the usual names); the files of the tree are what is
tested. A pytest that these do not bring is added, pinned. Skipped tests do not count, and a run
that collects nothing has not passed. A module that is missing from the environment makes the gate
unchecked, not failed: say what to install with `groups`, `extras` or `install`.

`run` in [tool.release.gates.test] replaces it with commands of the project's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck
from release.model import Finding, Gate, Outcome

if TYPE_CHECKING:
    from release.project import Project
    from release.shell import Shell

MISSING_MODULE = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '([\w.]+)'")
INSTALL_REMEDY = "name what the tests need in [tool.release.gates.test]: groups, extras or install"


@dataclass(frozen=True, slots=True)
class TestRun:
    """What a JUnit report says: counts, and a finding for each test that failed."""

    __test__ = False

    tests: int
    skipped: int
    findings: tuple[Finding, ...]
    details: str


def check(project: Project, shell: Shell) -> Outcome:
    settings = project.settings.gates.test
    if settings.run is not None:
        from release.gates.command import run_set

        return run_set(project, shell, settings)
    from release.declared import Requirements, requirements, test_folders

    folders = test_folders(project)
    if not folders and not _names_its_tests(project):
        return Outcome.unchecked(
            "no tests found",
            "add tests/test_*.py, or say how they are run: tool.release.gates.test.run",
        )
    if settings.groups is not None or settings.extras is not None or settings.install:
        wanted = Requirements(settings.groups or (), settings.extras or (), (), settings.install)
    else:
        wanted = requirements(project, "test")
    from release.installed import project_environment

    found = project_environment(
        project,
        shell,
        groups=wanted.groups,
        extras=wanted.extras,
        files=wanted.files,
        install=wanted.install,
        tools=("pytest",),
    )
    report = shell.work / "junit.xml"
    command = [
        found.environment.python,
        "-m",
        "pytest",
        "-q",
        "--color=no",
        "-o",
        "junit_family=xunit1",
    ]
    command += [f"--junitxml={report}", "-o", f"cache_dir={shell.folder / 'cache' / 'pytest'}"]
    command += [] if _names_its_tests(project) else folders
    env = {**found.variables(), **settings.env}
    done = shell.run(*command, inside=found.environment, env=env)
    text = report.read_text("utf-8", "replace") if report.exists() else ""
    return judge(done.status, text, done.last_line, own_modules(project))


def judge(status: int, report: str, last_line: str, own: frozenset[str]) -> Outcome:
    """The verdict on a pytest run: its exit status, its JUnit report, and its last line.

    The statuses are those that pytest documents (pytest.ExitCode). `own` are the top-level modules
    of the project: a missing one of those is a defect, a missing other one a gap in the
    environment.
    """
    if status == 5:
        return Outcome.failed(
            (Finding("pytest collected no test", remedy="see its `testpaths` and its file names"),)
        )
    if status in {3, 4} or status < 0 or status > 5:
        raise CannotCheck(f"pytest could not run: {last_line}", INSTALL_REMEDY)
    if not report:
        raise CannotCheck(f"pytest left no report: {last_line}", "see the log")
    run = read_report(report)
    ran = run.tests - run.skipped
    missing = {m for m in MISSING_MODULE.findall(run.details) if m.partition(".")[0] not in own}
    if status != 0 and missing:
        raise CannotCheck(
            f"the tests need modules that are not installed: {', '.join(sorted(missing))}",
            INSTALL_REMEDY,
        )
    if status != 0:
        return Outcome.failed(
            run.findings or (Finding(f"pytest: {last_line}", remedy="read the log"),),
            f"{len(run.findings)} of {ran} tests failed",
            checked=max(ran, 0),
        )
    if ran < 1:
        return Outcome.unchecked(
            f"all {run.tests} tests were skipped", "run it where the tests can run"
        )
    skipped = f", {run.skipped} skipped" if run.skipped else ""
    return Outcome.passed(ran, f"pytest: {ran} passed{skipped}")


def read_report(text: str) -> TestRun:
    """Read a JUnit report as pytest writes it. Raises CannotCheck when it is damaged."""
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError as error:
        raise CannotCheck(f"pytest's report is damaged: {error}", "see the log") from None
    tests = skipped = 0
    findings = []
    details = []
    for case in root.iter("testcase"):
        tests += 1
        if case.find("skipped") is not None:
            skipped += 1
        problem = case.find("failure") if case.find("failure") is not None else case.find("error")
        if problem is None:
            continue
        said = (problem.text or problem.get("message") or "").strip()
        details.append(said)
        line = case.get("line")
        first = (
            problem.get("message") or said.splitlines()[-1] if said else "failed"
        ).splitlines()[0]
        name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
        findings.append(
            Finding(
                f"{name}: {first}", case.get("file"), int(line) + 1 if line else None, "mend it"
            )
        )
    return TestRun(tests, skipped, tuple(findings), "\n".join(details))


def own_modules(project: Project) -> frozenset[str]:
    """Top-level modules that belong to the project, its test folders included."""
    names = {name.partition(".")[0] for name in project.packages}
    names |= {path.stem for path in project.root.glob("*.py")}
    names |= {path.name for path in project.root.iterdir() if path.is_dir()}
    return frozenset(names | {"tests", "test", "conftest"})


def _names_its_tests(project: Project) -> bool:
    tool = project.pyproject.get("tool")
    pytest = tool.get("pytest") if isinstance(tool, Mapping) else None
    if isinstance(pytest, Mapping) and (
        "testpaths" in pytest or "testpaths" in _table(pytest.get("ini_options"))
    ):
        return True
    for name in ("pytest.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg"):
        path: Path = project.root / name
        if path.is_file() and re.search(
            r"^testpaths\s*=", path.read_text("utf-8", "replace"), re.M
        ):
            return True
    return False


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


GATE = Gate(
    name="test",
    title="the tests pass",
    check=check,
    tools=("pytest",),
    cost=8.0,
    echoes=True,
)
