"""The project's tests pass, by pytest or the project's own commands.

Runs pytest in an environment that holds the project and what it declares for testing (dependency
groups, extras, requirement files, tables of its build tool, tox's `deps`); the files of the tree
are what is tested. A pytest that these do not bring is added, pinned. Skipped tests do not count,
and a run that collects nothing has failed. All of it blocks: the tests are the project's promise.
Tests that fail for a module that is missing from the environment make the gate unchecked, unless
others fail by themselves: say what to install with `groups`, `extras` or `install`.

`run` in [tool.release.gates.test] replaces it with commands of the project's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck
from release.model import Finding, Gate, Outcome, Status
from release.project import as_table

if TYPE_CHECKING:
    from release.project import Project
    from release.run.shell import Shell

MISSING_MODULE = re.compile(
    r"^(?:E\s+)?(?:ModuleNotFoundError|ImportError): No module named [\"']([\w.]+)[\"']"
    r"|Failed to import filter module [\"']([\w.]+)[\"']"
    r"|Error importing plugin [\"']([\w.]+)[\"']",
    re.M,
)
MISSING_FIXTURE = re.compile(r"^E?\s*fixture '(\w+)' not found$", re.M)
# Fixtures of widely used plug-ins, and the distributions that bring them.
PLUGINS = {
    "benchmark": "pytest-benchmark",
    "class_mocker": "pytest-mock",
    "freezer": "pytest-freezer",
    "fs": "pyfakefs",
    "httpserver": "pytest-httpserver",
    "httpx_mock": "pytest-httpx",
    "mocker": "pytest-mock",
    "requests_mock": "requests-mock",
    "snapshot": "syrupy",
    "subtests": "pytest-subtests",
}
PYTEST_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")
STOPPED = {
    2: "was interrupted",
    3: "met an error of its own",
    4: "cannot be called like this",
}


@dataclass(frozen=True, slots=True)
class TestRun:
    """What a JUnit report says: how many tests ran and were skipped, and those that failed.

    Each failure is a finding with everything that pytest said about it.
    """

    __test__ = False

    ran: int
    skipped: int
    failures: tuple[tuple[Finding, str], ...]


def check(project: Project, shell: Shell) -> Outcome:
    from release.settings import CommandSettings

    settings = project.settings.gates.of("test", CommandSettings)
    if settings.run is not None:
        from release.run.commands import run_set

        return run_set(project, shell, settings)
    from release.project.declared import (
        chosen_requirements,
        install_remedy,
        own_modules,
        test_folders,
    )

    named = test_paths(project)
    folders = test_folders(project)
    if named and not any(any(project.root.glob(path)) for path in named):
        return Outcome.unchecked(
            f"pytest's testpaths name {', '.join(named)}, which is not there",
            "add the tests, or correct testpaths; or set tool.release.gates.test.run",
        )
    if not folders and not named:
        return Outcome.unchecked(
            "no tests found",
            "add tests/test_*.py, or say how they are run: tool.release.gates.test.run",
        )
    from release.run.installed import project_environment

    wanted = chosen_requirements(project, settings, "test")
    found = project_environment(project, shell, wanted, tools=("pytest",))
    report = shell.work / "junit.xml"
    command = [found.environment.python, "-m", "pytest", "-q", "--color=no"]
    command += ["-o", "junit_family=xunit1", f"--junitxml={report}"]
    command += ["-o", f"cache_dir={shell.folder / 'cache' / 'pytest'}"]
    command += [] if named else folders
    env = {**found.variables(), **settings.env}
    done = shell.run(*command, inside=found.environment, env=env)
    text = report.read_text("utf-8", "replace") if report.exists() else ""
    output = f"{done.stdout}\n{done.stderr}"
    outcome = judge(
        done.status,
        text,
        output,
        own_modules(project),
        lambda modules: install_remedy(project, "test", modules),
    )
    absent = [path for path in absent_submodules(project) if path in text + output]
    if outcome.status is Status.FAILED and absent:
        return Outcome.unchecked(
            f"{outcome.summary}, and the submodule {', '.join(absent)} is not checked out",
            "git submodule update --init --recursive",
        )
    return outcome


def judge(
    status: int,
    report: str,
    output: str,
    own: frozenset[str],
    remedy: Callable[[Iterable[str]], str],
) -> Outcome:
    """The verdict on a pytest run: its exit status, its JUnit report, and what it printed.

    The statuses are those that pytest documents (pytest.ExitCode). `own` are the top-level modules
    of the project: a missing one of those is a defect, a missing other one a gap in the
    environment, for which `remedy` says what to do.
    """
    if status == 5:
        return Outcome.failed(
            (Finding("pytest collected no test", remedy="see its `testpaths` and its file names"),)
        )
    run = read_report(report) if report else None
    if status not in {0, 1, 2} or run is None or (status == 2 and not run.failures):
        raise _cannot_run(status, output, own, remedy)
    by_others = [(finding, _missing(details, own)) for finding, details in run.failures]
    missing = sorted(set().union(*(names for _, names in by_others)))
    findings = tuple(finding for finding, names in by_others if not names)
    if missing and not findings:
        raise CannotCheck(
            f"the tests need modules that are not installed: {', '.join(missing)}",
            remedy(missing),
        )
    if status != 0 or findings:
        failures = findings or (Finding(f"pytest: {_last(output)}", remedy="read the log"),)
        summary = f"{len(failures)} of {run.ran} tests failed" if findings else ""
        if missing:
            summary += f"; {len(by_others) - len(findings)} more lack {', '.join(missing)}"
        return Outcome.failed(failures, summary, checked=max(run.ran, 0))
    if run.ran < 1:
        return Outcome.unchecked(
            f"all {run.skipped} tests were skipped", "run it where the tests can run"
        )
    skipped = f", {run.skipped} skipped" if run.skipped else ""
    return Outcome.passed(run.ran, f"pytest: {run.ran} passed{skipped}")


def read_report(text: str) -> TestRun:
    """Read a JUnit report as pytest writes it. Raises CannotCheck when it is damaged."""
    import xml.etree.ElementTree as ET

    try:
        root = ET.fromstring(text)  # noqa: S314
    except ET.ParseError as error:
        raise CannotCheck(f"pytest's report is damaged: {error}", "see the log") from None
    tests = skipped = 0
    failures = []
    for case in root.iter("testcase"):
        tests += 1
        skipped += case.find("skipped") is not None
        for problem in (*case.findall("failure"), *case.findall("error")):
            details = f"{problem.get('message') or ''}\n{problem.text or ''}".strip()
            line = case.get("line")
            name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
            finding = Finding(
                f"{name}: {_first(problem.get('message'), details)}",
                case.get("file") or _file_of(name, details),
                int(line) + 1 if line else None,
                "fix the test or what it tests; the log has its traceback",
            )
            failures.append((finding, details))
    return TestRun(tests - skipped, skipped, tuple(failures))


def test_paths(project: Project) -> tuple[str, ...]:
    """The `testpaths` of the project's pytest configuration, empty without any."""
    import configparser
    import shlex
    import tomllib

    from release.text import toml

    for name in PYTEST_FILES[:2]:
        path = project.root / name
        if path.is_file():
            try:
                table = as_table(toml.loads(path.read_text(encoding="utf-8")).get("pytest"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError):
                return ()
            return _words(table.get("testpaths"))
    pytest = project.tool("pytest")
    for table in (as_table(pytest.get("ini_options")), pytest):
        if "testpaths" in table:
            return _words(table["testpaths"])
    for name in PYTEST_FILES[2:]:
        parser = configparser.RawConfigParser()
        try:
            parser.read(project.root / name, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in ("pytest", "tool:pytest"):
            if parser.has_option(section, "testpaths"):
                return tuple(shlex.split(parser.get(section, "testpaths")))
    return ()


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _missing(details: str, own: frozenset[str]) -> set[str]:
    """The modules of others whose absence a test died of."""
    names = (next(filter(None, found)) for found in MISSING_MODULE.findall(details))
    fixtures = MISSING_FIXTURE.findall(details)
    plugins = {PLUGINS.get(name, f"the plug-in of the fixture {name!r}") for name in fixtures}
    return {name for name in names if name.partition(".")[0] not in own} | plugins


def absent_submodules(project: Project) -> tuple[str, ...]:
    """The git submodules of a project that are not checked out, as paths in it."""
    from release.project.git import git

    if not (project.root / ".gitmodules").is_file():
        return ()
    said = git(project.root, "submodule", "status", check=False).stdout
    return tuple(line.split()[1] for line in said.splitlines() if line.startswith("-"))


def _cannot_run(
    status: int, output: str, own: frozenset[str], remedy: Callable[[Iterable[str]], str]
) -> CannotCheck:
    missing = sorted(_missing(output, own))
    if missing:
        return CannotCheck(
            f"pytest needs modules that are not installed: {', '.join(missing)}", remedy(missing)
        )
    unknown = re.search(r"error: (unrecognized arguments: .*)", output)
    if unknown:
        return CannotCheck(
            f"a plugin of pytest is not installed ({unknown[1]})", remedy(["pytest"])
        )
    errors = re.findall(r"^(?:ERROR|E  )\s*:?\s*(\S.*)$", output, re.M)
    what = STOPPED.get(status, f"ended with status {status}" if status else "left no report")
    return CannotCheck(f"pytest {what}: {errors[-1] if errors else _last(output)}", "see the log")


def _first(message: str | None, details: str) -> str:
    """The line that says best what went wrong."""
    if message and message != "collection failure":
        return message.splitlines()[0]
    errors = re.findall(r"^E\s+(\S.*)$", details, re.M)
    return errors[-1] if errors else (details.splitlines() or ["failed"])[-1]


def _file_of(name: str, details: str) -> str | None:
    """The file of a module that could not be collected, for which a report names none."""
    path = name.replace(".", "/") + ".py"
    return path if path in details.replace("\\", "/") else None


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


GATE = Gate(
    name="test",
    title="the tests pass",
    check=check,
    tools=("pytest",),
    cost=8.0,
    echoes=True,
    order=110,
    settings="release.settings:CommandSettings",
    defects="release.gates.test.defects:DEFECTS",
)
