"""The project's tests pass, by the project's own commands or by pytest.

Runs what the project's workflows run for commits, where that is a command of tox, nox, hatch, `uv
run` (with a uv.lock) or make that stands alone and needs neither a shell nor the forge; else the
session of its noxfile that is named like this gate. What publishes (`git push`, `gh-deploy`) or
cannot fail (`|| true`, `--exit-zero`) is left. The line of the gate says what is run, and where it
was found. `run` in [tool.release.gates.test] takes the place of that.

Without any, runs pytest in an environment that holds the project and what it declares for testing
(dependency groups, extras, requirement files, tables of its build tool, tox's `deps`); the files of
the tree are what is tested. A pytest that these do not bring is added, pinned. `groups`, `extras`
or `install` in that table choose this, and say what it holds.

A project that was never released, has no tests and declares nothing for them is not judged.
Skipped tests do not count, and a run that collects nothing has failed. Where pytest stops early
(-x, --maxfail, a module that is not collected), the count says so. All of it blocks: the tests are
the project's promise. Advice: files with tests of which none was collected. Tests that fail for
what is missing here (a module, a plug-in of pytest, a program, a Python, the network) make the gate
unchecked, unless others fail by themselves; so does a time limit that was hit.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck
from release.model import Finding, Gate, Judgement, Outcome, Status
from release.project import as_table
from release.run.lacks import lacks, remedy_for, told
from release.text import python
from release.text.escaping import listing

if TYPE_CHECKING:
    from release.project import Project
    from release.project.declared import Requirements
    from release.run.processes import Completed
    from release.run.shell import Shell
    from release.settings import CommandSettings

Remedy = Callable[[Iterable[str]], str]
RUN = "tool.release.gates.test.run"
# tox hands on no variable that it is not told of.
TOX_PASSES = ";".join(
    f"{table}.pass_env+={name}"
    for table in ("testenv", "env_run_base")
    for name in ("PYTEST_ADDOPTS", "PYTHONPYCACHEPREFIX")
)
# What unittest and pytest say of a whole run.
STOPPED_EARLY = re.compile(r"^!+ (?:[\w.]*Interrupted: )?(.+?) !+$", re.M)
RAN = re.compile(r"^Ran (\d+) tests? in |^(?:=+ )?(?:\d+ \w+, )*(\d+) passed\b.* in [\d.]+s", re.M)
NOT_TOLD = "NOTE: Incompatible Exception Representation"  # of what others raise, as testtools does
PYTEST_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")
# Folders of what is read, copied or shown by tests; those of other projects are known by a file.
BESIDE = frozenset(("data", "testdata", "fixtures", "examples", "templates", "vendor", "_vendor"))
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
SHOWN = 3
# What pytest documents of its exit statuses (pytest.ExitCode).
TESTS_FAILED, COLLECTED_NOTHING = 1, 5
STOPPED = {2: "was interrupted", 3: "met an error of its own", 4: "cannot be called like this"}


@dataclass(frozen=True, slots=True)
class TestRun:
    """What a JUnit report says: how many tests ran and were skipped, and those that failed.

    Each failure is a finding with everything that pytest said about it. `modules` are where tests
    were collected: modules or classes, with the folders above them as seen from where it ran.
    """

    __test__ = False

    ran: int
    skipped: int
    failures: tuple[tuple[Finding, str], ...]
    modules: frozenset[str] = frozenset()


def check(project: Project, shell: Shell) -> Outcome:
    from release.project.declared import chosen_requirements, test_folders
    from release.settings import CommandSettings

    settings = project.settings.gates.of("test", CommandSettings)
    if settings.run is not None:
        return _run(project, shell, settings)
    named = pytest_option(project, "testpaths")
    folders = test_folders(project)
    if named and not any(any(project.root.glob(path)) for path in named):
        return Outcome.unchecked(
            f"pytest's testpaths name {', '.join(named)}, which is not there",
            f"add the tests, or correct testpaths; or set {RUN}",
        )
    if not folders and not named and _promises_none(project):
        return Outcome.not_applicable("it has no tests yet, and declares nothing for them")
    if not folders and not named:
        return Outcome.unchecked(
            "no tests found", f"add tests/test_*.py, or say how they are run: {RUN}"
        )
    words = ("python", "-m", "pytest", "-q", *(() if named else folders))
    wanted = chosen_requirements(project, settings, "test")
    return _run(project, shell, settings.model_copy(update={"run": (words,)}), wanted)


def _run(
    project: Project, shell: Shell, settings: CommandSettings, ours: Requirements | None = None
) -> Outcome:
    """Run commands; a pytest among what they start leaves its report.

    `ours` is what our own call of pytest needs, where that is the command.
    """
    from release.project.declared import own_modules
    from release.project.detect import Detected, missing_remedy
    from release.run.commands import TOX_OVERRIDE, run_set

    report = shell.work / "junit.xml"
    given = settings.env.get("PYTEST_ADDOPTS", os.environ.get("PYTEST_ADDOPTS", ""))
    cache = shell.folder / "cache" / "pytest"
    options = f"{given} --color=no -o junit_family=xunit1"
    options += f" -o {shlex.quote(f'cache_dir={cache}')} --junitxml={shlex.quote(str(report))}"
    env = {
        "TOX_OVERRIDE": f"{TOX_OVERRIDE};{TOX_PASSES}",
        **settings.env,
        "PYTEST_ADDOPTS": options.strip(),
    }
    counts = ours is not None or isinstance(settings, Detected)
    own = own_modules(project)
    remedy = missing_remedy(project, "test", settings)
    outcomes: list[Outcome] = []
    modules: set[str] = set()
    said: list[str] = []

    def judged(words: Sequence[str], done: Completed) -> Judgement:
        text = report.read_text("utf-8", "replace") if report.exists() else ""
        report.unlink(missing_ok=True)
        said.extend((text, done.stdout, done.stderr))
        run = read_report(text) if text else None
        modules.update(run.modules if run else ())
        if ours is None:
            found = judge_command(words, done, run, own, remedy, counts=counts)
        else:
            found = judge_pytest(done, run, own, remedy)
        outcomes.append(found)
        if found.status is Status.UNCHECKED:
            return Judgement(unchecked=found.findings)
        return Judgement(found.checked, found.findings)

    settings = settings.model_copy(update={"env": env})
    outcome = run_set(project, shell, settings, wanted=ours, judge=judged)
    summary = "; ".join(found.summary for found in outcomes if found.status is outcome.status)
    if summary and (counts or outcome.status is Status.FAILED):
        lead = "" if ours is None or outcome.status is Status.FAILED else "pytest: "
        outcome = replace(outcome, summary=f"{lead}{summary}")
    absent = [path for path in absent_submodules(project) if any(path in text for text in said)]
    if outcome.status is Status.FAILED and absent:
        return Outcome.unchecked(
            f"{outcome.summary}, and the submodule {', '.join(absent)} is not checked out",
            "git submodule update --init --recursive",
        )
    return with_left_out(project, outcome, modules)


def judge_pytest(
    done: Completed, run: TestRun | None, own: frozenset[str], remedy: Remedy
) -> Outcome:
    """The verdict on our own call of pytest, by what it documents of its statuses.

    Raises CannotCheck where it ended by itself. The rest is as in judge_command.
    """
    if done.status == COLLECTED_NOTHING:
        remark = Finding("pytest collected no test", remedy="see its `testpaths` and file names")
        return Outcome.failed((remark,))
    found = judge_command(("pytest",), done, run, own, remedy, counts=False)
    if run is None or not (run.failures or done.status in {0, TESTS_FAILED}):
        output = f"{done.stdout}\n{done.stderr}"
        errors = re.findall(r"^(?:ERROR|E  )\s*:?\s*(\S.*)$", output, re.M)
        status = f"ended with status {done.status}" if done.status else "left no report"
        why = errors[-1] if errors else _last(output)
        raise CannotCheck(f"pytest {STOPPED.get(done.status, status)}: {why}", "see the log")
    return found


def judge_command(
    words: Sequence[str],
    done: Completed,
    run: TestRun | None,
    own: frozenset[str],
    remedy: Remedy,
    *,
    counts: bool,
) -> Outcome:
    """The verdict on a command, by the report that pytest left if there is one.

    `own` are the top-level modules of the project: a missing one of those is a defect, a missing
    other one a gap in the environment, for which `remedy` says what to do. `counts` says that the
    command must show that it ran tests: nobody said that it does.
    """
    from release.run.commands import by_status

    output = f"{done.stdout}\n{done.stderr}"
    said = " ".join(words)
    if done.status != 0 and not (run and run.failures):
        missing = lacks(output, own)
        if missing:
            raise CannotCheck(f"{said} needs {told(missing)}", remedy_for(missing, remedy))
        return by_status(words, done).settle("")
    if run is not None:
        return stopped_early(judge_report(run, own, remedy), output)
    number = sum(int(found[1] or found[2]) for found in RAN.finditer(output))
    if counts and number == 0:
        raise CannotCheck(
            f"{said} did not show that it ran a test", f"say how the tests are run: {RUN}"
        )
    return Outcome.passed(number or 1, f"{number or 1} passed")


def stopped_early(outcome: Outcome, output: str) -> Outcome:
    """A failure whose count says that pytest stopped, as -x, --maxfail and broken modules do."""
    found = STOPPED_EARLY.search(output)
    if found is None or outcome.status is not Status.FAILED:
        return outcome
    if found[1].endswith("during collection"):
        return replace(outcome, summary=f"{found[1]}, so no test was run")
    stopped = f"pytest ended early ({found[1]}), so not every test was run"
    return replace(outcome, summary=f"{outcome.summary}; {stopped}")


def with_left_out(project: Project, outcome: Outcome, modules: Set[str]) -> Outcome:
    """An outcome that says how many of the files with tests were collected."""
    from release.project.git import listed_files

    if outcome.status is not Status.PASSED or not modules or project.git is None:
        return outcome
    patterns = pytest_option(project, "python_files") or ("test_*.py", "*_test.py")
    names = [n for n in listed_files(project.root) if _is_test_file(project.root, n, patterns)]
    missing = left_out(names, modules, project.source_root)
    left = [name for name in missing if _holds_test(project.root / name)]
    if not left:
        return outcome
    told = Finding(
        f"no test of {listing(left, SHOWN)} was run",
        left[0],
        remedy="if they are to be run, name their folder in testpaths or on pytest's command line",
        advice=True,
    )
    total = len(names) - len(missing) + len(left)
    summary = f"{outcome.summary}, of {total - len(left)} of {total} test files"
    return replace(outcome, summary=summary, findings=(*outcome.findings, told))


def left_out(names: Sequence[str], modules: Iterable[str], source_root: str) -> list[str]:
    """The files of which no module was collected, whether from the tree or as installed."""
    ran = "\n".join(f".{name}." for name in modules)
    found = []
    for name in names:
        module = name.removesuffix(".py").replace("/", ".")
        installed = module.removeprefix(f"{source_root.replace('/', '.')}.")
        if f".{module}." not in ran and f".{installed}." not in ran:
            found.append(name)
    return found


def _is_test_file(root: Path, name: str, patterns: Iterable[str]) -> bool:
    """Whether a file is called like one of the project's own tests."""
    path = PurePosixPath(name)
    if not any(path.match(pattern) for pattern in patterns) or BESIDE & set(path.parts):
        return False
    above = [root / folder for folder in path.parents][:-1]
    return not any((folder / file).is_file() for folder in above for file in PROJECT_FILES)


def _holds_test(path: Path) -> bool:
    try:
        tree = python.parse(path.read_bytes())
    except (OSError, SyntaxError):
        return False
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return any(isinstance(n, functions) and n.name.startswith("test") for n in ast.walk(tree))


def judge_report(run: TestRun, own: frozenset[str], remedy: Remedy) -> Outcome:
    """The verdict on what a report says."""
    absent = [(finding, lacks(details, own, test=True)) for finding, details in run.failures]
    missing = sorted(set().union(*(names for _, names in absent)))
    findings = tuple(finding for finding, names in absent if not names)
    if missing and not findings:
        raise CannotCheck(f"the tests need {told(missing)}", remedy_for(missing, remedy))
    if findings:
        summary = f"{len(findings)} of {run.ran} tests failed"
        if missing:
            summary += f"; {len(absent) - len(findings)} more lack {', '.join(missing)}"
        return Outcome.failed(findings, summary, checked=max(run.ran, 0))
    if run.ran < 1:
        return Outcome.unchecked(
            f"all {run.skipped} tests were skipped", "run it where the tests can run"
        )
    skipped = f", {run.skipped} skipped" if run.skipped else ""
    return Outcome.passed(run.ran, f"{run.ran} passed{skipped}")


def read_report(text: str) -> TestRun:
    """Read a JUnit report as pytest writes it. Raises CannotCheck when it is damaged."""
    import xml.etree.ElementTree as ET

    try:
        root = ET.fromstring(text)  # noqa: S314
    except ET.ParseError as error:
        raise CannotCheck(f"pytest's report is damaged: {error}", "see the log") from None
    tests = skipped = 0
    failures = []
    modules = set()
    for case in root.iter("testcase"):
        tests += 1
        modules.add(case.get("classname") or case.get("name") or "")
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
    return TestRun(tests - skipped, skipped, tuple(failures), frozenset(modules))


def pytest_option(project: Project, name: str) -> tuple[str, ...]:
    """The words of an option of the project's pytest configuration, empty without any."""
    import tomllib

    from release.text import ini, toml

    for file in PYTEST_FILES[:2]:
        path = project.root / file
        if path.is_file():
            try:
                table = as_table(toml.loads(path.read_text(encoding="utf-8")).get("pytest"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError):
                return ()
            return _words(table.get(name))
    pytest = project.tool("pytest")
    for table in (as_table(pytest.get("ini_options")), pytest):
        if name in table:
            return _words(table[name])
    for file in PYTEST_FILES[2:]:
        for section in ("pytest", "tool:pytest"):
            found = ini.section(project.root / file, section)
            if found is not None and name in found:
                return tuple(shlex.split(found[name]))
    return ()


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(map(str, value)) if isinstance(value, list) else ()


def absent_submodules(project: Project) -> tuple[str, ...]:
    """The git submodules of a project that are not checked out, as paths in it."""
    from release.project.git import git

    if not (project.root / ".gitmodules").is_file():
        return ()
    said = git(project.root, "submodule", "status", check=False).stdout
    return tuple(line.split()[1] for line in said.splitlines() if line.startswith("-"))


def _promises_none(project: Project) -> bool:
    """Whether a project before its first release says nowhere that it has tests."""
    from release.project.declared import requirements

    return not (project.released or project.configures("pytest") or requirements(project, "test"))


def _first(message: str | None, details: str) -> str:
    """The line that says best what went wrong."""
    if message and NOT_TOLD in message:
        return details.splitlines()[-1]
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
