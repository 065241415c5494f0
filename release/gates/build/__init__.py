"""The sdist and the wheel are built, installable and importable, and hold what they should.

The sdist is made from a clean copy of the project, and the wheel from the unpacked sdist, by the
project's own build backend in an environment of its own; the time is that of the commit. Then it
judges the two files: their versions (equal to the repository's, and to the release tag's if the
commit has one); a description that renders; files that should not be there (tests at top level,
caches, credentials) or that are missing from the wheel although the package has them; that the
wheel installs with what it requires, that its modules import from a foreign folder and without the
network, and that its entry points load. Both are built again from another copy, and compared, the
wheel with one of the repository itself, which shows what the sdist lacks.
`.release/dist` then holds exactly these two files, which later gates use and never build again.

Blocks: a file that does not build, install or import, or lacks the import package (certain);
credentials, names with control characters, and what unpacks to far more than its size (harm); what
`expected`, `unwanted`, a `reproducible` that is set and a [tool.check-wheel-contents] table demand
(promises). Advice: files that look odd or seem to be missing, builds that differ, what twine only
warns about, modules that ask the network. An import that takes longer than a minute is
unchecked. What is built is judged by the gates that need it, whatever this one finds.

Settings: `expected` and `expected-sdist` are globs that must match something (`pkg/web_ui/**`);
`unwanted` adds globs of files to refuse and `allowed` takes files out of every rule about contents;
`reproducible` says which files must be the same when built twice: the "wheel" (a differing sdist
is advice then), "all", or "no", which builds once; unless it is set, times that a backend writes
and folders in compiled code are told and no more; `before` are commands that make files for the
build (a frontend), run in the clean copy; `imports` names the modules to import instead of the
wheel's top-level ones ([] for a wheel without any). A [tool.check-wheel-contents] table is
followed. What an index refuses beside that (names, requirements, licence files, RECORD) is for
`parity` to find.

It is unchecked when no package index can be reached for the build backend or the requirements, or
no network or compiler for a build that needs one.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck, ReleaseError, attempt
from release.model import Artifact, Finding, Gate, Judgement, Outcome
from release.run import environments, installed
from release.run.processes import PARSER_MEMORY
from release.text.versions import parse

if TYPE_CHECKING:
    from release.gates.build.distribution import Archive
    from release.gates.build.settings import BuildSettings
    from release.project import Project
    from release.run.shell import Shell

DIST = "dist"
DAY = 86_400
# The earliest time that a zip file can state, for a project without a commit.
EARLIEST = 315_532_800
IMPORT_SECONDS = 60
ERROR_LINE = re.compile(r"([\w.]*(Error|Exception|Exit)\b|error:)", re.I)
LATER = "do the work when it is needed, not while modules are loaded"
LOG_REMEDY = "read the log; the same is done by python -m build"

# Of check-wheel-contents' checks these are not defects for everybody. W002: equal files are common
# (small __init__ modules, vendored licences). W004: templates of projects hold modules that nobody
# imports. W009: several top-level packages are a choice. Of W003 (no module, at top level) a stub
# beside its module is none, nor of W005 (a common name) the project's own. W007 and W008 (nothing
# to import) do not hold for a wheel that has been declared to be without modules.
NO_DEFECT = ("W002", "W004", "W009")
NO_MODULES = ("W007", "W008")


@dataclass(frozen=True, slots=True)
class Made:
    """What the builds left: the first pair of files, and the second where it was built.

    `tree` is a wheel that was made of a copy itself, not of its sdist.
    """

    sdist: Path
    wheel: Path
    again: tuple[Path, Path] | None
    tree: Path | None
    started: int
    moment: int


def check(project: Project, shell: Shell) -> Outcome:
    """Build both distributions and judge them."""
    from release.gates.build.contents import top_level_modules
    from release.gates.build.distribution import Unreadable, digest, read
    from release.gates.build.settings import BuildSettings
    from release.run.released import keep_released

    settings = project.settings.gates.of("build", BuildSettings)
    keep_released(project, shell.folder)
    dist = shell.folder_for(DIST)
    copies, tree = _copies(
        project, shell, twice=settings.reproducible != "no", before=settings.before
    )
    made = _build(project, shell, copies)
    sdist, wheel = (Path(shutil.copy(path, dist)) for path in (made.sdist, made.wheel))
    artifacts = (shell.artifact(sdist), shell.artifact(wheel))
    try:
        archives = read(sdist), read(wheel)
    except Unreadable as error:
        raise ReleaseError.of(str(error), remedy=LOG_REMEDY) from None
    modules = settings.imports
    if modules is None:
        modules = top_level_modules(archives[1].installed)
    with ThreadPoolExecutor() as pool:
        parts = pool.map(
            attempt,
            (
                lambda: _check_installed(project, shell, artifacts[1], archives[1], modules),
                lambda: _check_renders(shell, (sdist, wheel)),
                lambda: _check_wheel_contents(project, settings, shell, wheel, copies[0]),
            ),
        )
        whole = read(made.tree) if made.tree else None
        judged = Judgement(2) + _judge(project, settings, *archives, tree, whole)
        judged += _judge_twice(project, settings, made, *archives)
        judged = sum(parts, judged)
    metadata = archives[1].metadata
    name, version = metadata.get("name", project.name), metadata.get("version", "")
    facts = {
        "name": name,
        "version": version,
        "wheel": wheel.name,
        "sdist": sdist.name,
        "imports": ",".join(modules),
    }
    if settings.before:
        ran = ", ".join(map(shlex.join, settings.before))
        judged += Judgement(notes=(Finding(f"ran before the build: {ran}"),))
    same = made.again is not None and digest(made.again[1]) == artifacts[1].sha256
    said = ["reproducible"] if same else []
    said += ["imports"] if modules else ["installs"]
    files = len(archives[1].members)
    return judged.settle(
        f"{name} {version}: sdist and wheel, {files} files, {', '.join(said)}",
        artifacts=artifacts,
        facts=facts,
    )


# --- building -------------------------------------------------------------------------------------


def _copies(
    project: Project, shell: Shell, *, twice: bool, before: Sequence[Sequence[str]]
) -> tuple[list[Path], list[str]]:
    """Clean copies of the project with what commands make in there, and the project's own files."""
    from release.run.export import export

    first = shell.work / "first" / "copy"
    first.parent.mkdir()
    root = export(project, first)
    copies = [root]
    moment = _commit_time(project)
    # A copy has the modes that git would give, whatever the umask of the working tree was, and the
    # commit's time. Another time in the second copy shows whether file times reach the files built.
    tree = _normalise(root, moment)
    for command in before:
        _prepare(shell, command, root)
    if before:
        _normalise(root, moment)
    if twice:
        second = shell.work / "second" / "copy"
        shutil.copytree(first, second, symlinks=True)
        copies.append(second / root.relative_to(first))
    for copy in copies[1:]:
        _normalise(copy, moment - DAY)
    return copies, tree


def _prepare(shell: Shell, command: Sequence[str], folder: Path) -> None:
    """Run a command of the project's own in a clean copy. Raises ReleaseError where it fails."""
    done = shell.run(*command, cwd=folder)
    if done.status != 0:
        raise ReleaseError.of(
            f"{shlex.join(command)} fails in a clean copy of the project: {done.last_line}",
            remedy="see the log; a copy holds what git tracks and nothing else, so install there"
            " what it needs by a command before it in tool.release.gates.build.before",
        )


def _normalise(root: Path, moment: int) -> list[str]:
    """Give every file below `root` the mode and the time it should have; returns their paths."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            found.append(path.relative_to(root).as_posix())
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
                os.utime(path, (moment, moment))
    return found


def _commit_time(project: Project) -> int:
    from release.project.git import git

    if project.git is None or project.git.commit is None:
        return EARLIEST + DAY
    # Plumbing: `git log` would print signatures as well where log.showSignature is set.
    said = git(project.git.top, "rev-list", "--timestamp", "--max-count=1", project.git.commit)
    return int(said.stdout.split()[0])


def _build(project: Project, shell: Shell, copies: Sequence[Path]) -> Made:
    """Build from each copy. Raises ReleaseError when the project does not build."""
    environment = environments.create(
        shell.work / "environment", installed.python_for(project), shell.run_plain
    )
    moment = str(_commit_time(project))
    # What must not reach the files differs between the two: folder, file times, zone, hash seed.
    own = [{"TZ": "UTC", "PYTHONHASHSEED": "1"}, {"TZ": "UTC-13", "PYTHONHASHSEED": "2"}]
    builds: list[dict[str, Any]] = []
    for copy, variables in zip(copies, own, strict=False):
        work = shell.work / f"made-{len(builds)}"
        work.mkdir()
        env = {**variables, "SOURCE_DATE_EPOCH": moment}
        builds.append({"source": str(copy), "work": str(work), "env": env})
    asked = {
        "python": environment.python,
        "install": environments.installer(environment),
        "builds": builds,
    }
    started = int(time.time())
    found, said = shell.answer(
        Path(__file__).with_name("_build_driver.py"),
        asked=asked,
        env={"PYTHONPYCACHEPREFIX": str(shell.work / "pycache")},
        inside=environment,
        memory=None,
    )
    if found is None:
        raise CannotCheck(
            f"the build tool broke: {said}",
            f"delete {shell.tools.path} and run this again; if that does not help, report it",
        )
    answers = found["builds"]
    for number, answer in enumerate(answers):
        if "error" in answer:
            raise _explain(project, answer["error"], again=number > 0)
    pairs = [(_only_file(answer, "sdist"), _only_file(answer, "wheel")) for answer in answers]
    tree = answers[-1].get("tree")
    again = pairs[1] if len(pairs) > 1 else None
    return Made(*pairs[0], again, Path(tree) if tree else None, started, int(moment))


def _only_file(answer: Mapping[str, str], kind: str) -> Path:
    path = Path(answer[kind])
    others = sorted(other.name for other in path.parent.iterdir() if other != path)
    suffix = {"sdist": ".tar.gz", "wheel": ".whl"}[kind]
    if others or not path.name.endswith(suffix):
        made = ", ".join([path.name, *others])
        raise ReleaseError.of(
            f"the build backend made {made} where one {suffix} file was asked for"
        )
    return path


def _explain(project: Project, error: Mapping[str, str], *, again: bool) -> ReleaseError:
    """The error that says why a build failed: CannotCheck when it is not a fault of the project."""
    step, kind, message, said = (error[key] for key in ("step", "kind", "message", "said"))
    what = f"the {step} was not built" + (" the second time, from another copy" if again else "")
    network = environments.looks_like_network(said)
    reason = environments.reason(said) if kind == "requirements" else _last_lines(said, 1)
    if kind == "requirements" and network:
        why = f"{what}: {message} cannot be fetched: {reason}"
        return CannotCheck(why, environments.NETWORK_REMEDY)
    if kind == "hook" and network:
        why = f"{what}: its build needs the network: {reason}"
        return CannotCheck(why, environments.BUILD_NETWORK_REMEDY)
    if kind == "hook" and (program := environments.missing_program(said)):
        return CannotCheck(f"{what}: {program}", environments.PROGRAM_REMEDY)
    path = "pyproject.toml"
    why, place, remedy = {
        "requirements": (
            f"its build requirements ({message}) cannot be installed: {reason}",
            path,
            "correct [build-system] requires",
        ),
        "backend": (
            f"the build backend {project.backend!r} cannot be imported: {reason}",
            path,
            "correct [build-system] build-backend, or add the distribution that has it to requires",
        ),
        "hook": (_last_lines(said, 3), None, LOG_REMEDY),
        "configuration": (message, path, LOG_REMEDY),
    }.get(kind, (message, None, LOG_REMEDY))
    return ReleaseError.of(f"{what}: {why}", place, remedy=remedy)


def _last_lines(said: str, count: int) -> str:
    """The lines of a build's output that say what went wrong: the last error, and what follows."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for number in reversed(range(len(lines))):
        # That a command failed is said after why it did.
        if ERROR_LINE.match(lines[number]) and "non-zero exit status" not in lines[number]:
            return " / ".join(lines[number : number + count])
    return " / ".join(lines[-count:]) or "it said nothing"


# --- judging the files ----------------------------------------------------------------------------


def _judge(
    project: Project,
    settings: BuildSettings,
    sdist: Archive,
    wheel: Archive,
    tree: Sequence[str],
    whole: Archive | None,
) -> Judgement:
    """Judge both files; `whole` is a wheel that was made of the project itself."""
    from release.gates.build import contents
    from release.gates.build import distribution as d

    judged = d.judge_metadata(
        sdist,
        wheel,
        version=project.version,
        version_source=project.version_source,
        tags=project.released_here,
    )
    for archive in (sdist, wheel):
        judged += contents.judge_unwanted(
            archive, unwanted=settings.unwanted, allowed=settings.allowed
        )
        judged += d.judge_printable(archive)
    judged += contents.judge_expected(wheel, settings.expected, "tool.release.gates.build.expected")
    judged += contents.judge_expected(
        sdist, settings.expected_sdist, "tool.release.gates.build.expected-sdist"
    )
    if whole is not None:
        judged += contents.judge_whole(wheel, whole, settings.allowed)
    judged += contents.judge_licences(sdist, wheel, tree, settings.allowed)
    manifest = project.root / "MANIFEST.in"
    excluded = contents.exclusions(
        project.pyproject, manifest.read_text("utf-8", "replace") if manifest.is_file() else ""
    )
    meant = (*excluded, *settings.allowed)
    found = {**(whole.installed if whole else {}), **wheel.installed}
    folders = dict(_package_folders(project, wheel, tree))
    judged += contents.judge_completeness(found, tree, folders, meant)
    if project.package is not None and settings.imports != ():
        judged += _judge_package(project, project.package, wheel)
    return judged


def _package_folders(
    project: Project, wheel: Archive, tree: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Each of the project's folders that the wheel installs, and where it installs it."""
    tops = {path.partition("/")[0] for path in wheel.installed if "/" in path}
    if project.package and project.package_path and not project.package_path.endswith(".py"):
        place = project.package.replace(".", "/")
        tops.discard(place.partition("/")[0])
        if any(path.startswith(f"{place}/") for path in wheel.installed):
            yield project.package_path, place
    for top in sorted(tops):
        for base in dict.fromkeys((project.source_root, "src", ".")):
            folder = top if base == "." else f"{base}/{top}"
            if f"{folder}/__init__.py" in tree:
                yield folder, top
                break


def _judge_package(project: Project, package: str, wheel: Archive) -> Judgement:
    """The project's import package is in the wheel."""
    place = re.escape(package.replace(".", "/"))
    if any(re.match(rf"{place}(/|\.|$)", path) for path in wheel.installed):
        return Judgement(1)
    message = f"the wheel does not hold the import package {package}"
    remedy = "name it in the build backend's configuration, or correct [tool.release] package"
    return Judgement.one(Finding(message, project.package_path, remedy=remedy))


def _judge_twice(
    project: Project, settings: BuildSettings, made: Made, sdist: Archive, wheel: Archive
) -> Judgement:
    """The two builds gave the same bytes."""
    from release.gates.build import distribution as d

    if made.again is None:
        return Judgement()
    judged = Judgement()
    for archive, path in ((sdist, made.again[0]), (wheel, made.again[1])):
        other = archive if d.digest(path) == archive.sha256 else d.read(path)
        lines = [
            *d.clock_traces(archive, made.started, made.moment),
            *d.differences(archive, other),
        ]
        changed = d.differing_content(archive, other)
        if not lines:
            judged += Judgement(1)
            continue
        said = f"the {archive.kind} differs when it is built twice: {'; '.join(lines)}"
        why = ""
        if not changed:
            backend = project.backend.partition(":")[0]
            why = f" ({backend} writes times that SOURCE_DATE_EPOCH does not set)"
        elif all(name.endswith((".so", ".pyd")) for name in changed):
            why = " (compiled code names the folder it was built in)"
        asked = "reproducible" in settings.model_fields_set
        if why and not asked:  # of times, or of compiled code: nothing that the project could mend
            judged += Judgement(1, notes=(Finding(said + why),))
            continue
        promised = settings.reproducible == "all" or (archive.is_wheel and not (changed and why))
        remedy = (
            "heed SOURCE_DATE_EPOCH and sort what the build writes, or lower"
            " tool.release.gates.build.reproducible"
        )
        found = Finding(said + why, remedy=remedy)
        judged += Judgement.one(found, advice=not (promised and asked))
    return judged


# --- tools ----------------------------------------------------------------------------------------


def _check_renders(shell: Shell, files: Sequence[Path]) -> Judgement:
    done = shell.run(
        shell.tools.tool("twine"),
        "--no-color",
        "check",
        "--strict",
        *(path.name for path in files),
        cwd=files[0].parent,
        env={"COLUMNS": "1000"},
        memory=PARSER_MEMORY,
    )
    return judge_twine(done.status, f"{done.stdout}\n{done.stderr}", [path.name for path in files])


def judge_twine(status: int, said: str, names: Sequence[str]) -> Judgement:
    """Judge what `twine check --strict` said (both streams).

    Raises CannotCheck when it neither refused a file nor passed every one of `names`: it exits
    with 0 also when it looked at nothing.
    """
    results = dict(re.findall(r"^Checking (\S+): (PASSED|FAILED)", said, re.M))
    told = re.findall(r"(?:^|: )(ERROR|WARNING) +(\S.*(?:\s*\n {9}\S.*)*)", said, re.M)
    complaints = [re.sub(r"\s*\n {9}", " ", text).rstrip() for _, text in told]
    failed = [name for name in names if results.get(name) == "FAILED"]
    invalid = [text for text in complaints if text.startswith("InvalidDistribution: Invalid")]
    if status != 0 and (failed or invalid):
        why = " / ".join(dict.fromkeys(complaints)) or "the description does not render"
        finding = Finding(
            f"twine check --strict refuses {', '.join(failed) or 'the metadata'}: {why}",
            "pyproject.toml",
            remedy="fix the readme, its content type, or the field it names",
        )
        # An index takes what it merely warns about.
        advice = {level for level, _ in told} == {"WARNING"}
        return Judgement.one(finding, advice=advice, checked=max(len(results), 1))
    if status != 0 or any(results.get(name) != "PASSED" for name in names):
        last = [line.strip() for line in said.splitlines() if line.strip()][-1:]
        raise CannotCheck(
            f"twine check passed {len(results)} of {len(names)} files and gave no verdict:"
            f" {''.join(last) or f'exit status {status}'}",
            "look at the log; deleting the gate's tool environment has it made anew",
        )
    return Judgement(len(names))


def _check_wheel_contents(
    project: Project, settings: BuildSettings, shell: Shell, wheel: Path, copy: Path
) -> Judgement:
    from release.gates.build.distribution import normal_name

    configured = project.configures("check-wheel-contents")
    ignored = NO_DEFECT + (NO_MODULES if settings.imports == () else ())
    options = ["--config", "pyproject.toml"] if configured else ["--no-config"]
    options += [] if configured else ["--ignore", ",".join(ignored)]
    done = shell.run(
        *(shell.tools.tool("check-wheel-contents"), *options, str(wheel)),
        cwd=copy,
        memory=PARSER_MEMORY,
    )
    own = {normal_name(project.name), *(project.package or "").split(".")[:1]} - {""}
    judged = judge_wheel_contents(done.status, done.stdout, done.stderr, settings.allowed, own)
    return judged if configured else judged.as_advice()


def judge_wheel_contents(
    status: int, stdout: str, stderr: str, allowed: Sequence[str], own: Collection[str] = ()
) -> Judgement:
    """Judge check-wheel-contents' text; `own` are the names that are the project's to claim.

    Raises CannotCheck when it gave no verdict.
    """
    from release.gates.build.contents import matches
    from release.gates.build.distribution import listing

    if status == 0 and re.search(r": OK$", stdout, re.M):
        return Judgement(1)
    complaints = re.findall(r"^.*?: (W\d{3}): ([^:\n]+)(?::((?:\n  .+)+))?$", stdout, re.M)
    if status != 1 or not complaints:
        invalid = re.search(r": (invalid wheel: .+|wheel has invalid filename)$", stderr, re.M)
        if invalid:
            return Judgement(
                1, (Finding(f"check-wheel-contents: {invalid[1]}", remedy=LOG_REMEDY),)
            )
        said = (stderr.strip() or stdout.strip() or f"exit status {status}").splitlines()[-1]
        raise CannotCheck(
            f"check-wheel-contents gave no verdict: {said}",
            "look at the log and at [tool.check-wheel-contents]",
        )
    faults = []
    for code, text, block in complaints:
        names = [line.strip() for line in block.splitlines() if line.strip()]
        accepted = {"W003": ("*.pyi",), "W005": own}.get(code, ())
        left = [name for name in names if not matches(name, (*allowed, *accepted))]
        if names and not left:
            continue
        otherwise = "name the files in tool.release.gates.build.allowed"
        if code in NO_MODULES:
            otherwise = "set tool.release.gates.build.imports = [] if it is to have no module"
        faults.append(
            Finding(
                f"check-wheel-contents {code}: {text}" + (f": {listing(left)}" if left else ""),
                remedy=f"correct what the build backend packs, or {otherwise}",
            )
        )
    return Judgement(1, tuple(faults))


# --- the installed wheel --------------------------------------------------------------------------


def _check_installed(
    project: Project, shell: Shell, artifact: Artifact, archive: Archive, modules: Sequence[str]
) -> Judgement:
    wheel = shell.folder / artifact.path
    try:
        environment = installed.runtime_environment(project, shell, wheel, artifact.sha256)
    except installed.NotInstallable as error:
        return Judgement(1, error.problems)
    metadata = archive.metadata
    folder = shell.work / "elsewhere"
    folder.mkdir()
    main = _main_module(project, modules)
    request = {"modules": list(modules), "distribution": metadata["name"], "main": main}
    events = shell.work / "events.jsonl"
    done = shell.run(
        environment.python,
        "-I",
        Path(__file__).with_name("_import_probe.py"),
        events,
        str(IMPORT_SECONDS),
        json.dumps(request),
        cwd=folder,
        inside=environment,
    )
    text = events.read_text(encoding="utf-8") if events.is_file() else ""
    return judge_imports(
        text,
        timed_out="Timeout (" in done.stderr,
        last_line=done.last_line,
        version=metadata["version"],
        main=main,
        extras=required_by_extras(metadata.get("requires_dist", [])),
    )


def _main_module(project: Project, modules: Sequence[str]) -> str:
    """The module that stands for the project: its package, the one of its name, or the only one."""
    from release.gates.build.distribution import normal_name

    for candidate in (project.package, normal_name(project.name)):
        if candidate in modules:
            return str(candidate)
    return modules[0] if len(modules) == 1 else ""


def judge_imports(
    events: str,
    *,
    timed_out: bool,
    last_line: str,
    version: str,
    main: str,
    extras: Collection[str],
) -> Judgement:
    """Judge what the import probe wrote, one JSON object a line.

    `version` is that of the wheel, `extras` are the distributions that its extras require: what
    lacks one of these is noted, and so is a module besides `main` that lacks anything, where
    there are extras. Raises CannotCheck when the probe did not come to its end.
    """
    steps: dict[str, dict[str, Any]] = {}
    network: dict[str, list[str]] = {}
    for event in map(json.loads, events.splitlines()):
        if event["event"] == "network":
            place = f" at {event['place']}" if event["place"] else ""
            network.setdefault(event["step"], []).append(f"{event['value']}{place}")
        else:
            steps[event["step"]] = event
    if "metadata" not in steps:
        raise CannotCheck(f"the wheel's import was not tried: {last_line}", "look at the log")
    judged = Judgement(len(steps.keys() - {"all"}) + 1)
    own = {step[7:].partition(".")[0] for step in steps if step.startswith("import ")}
    for step, event in steps.items():
        shown = step.replace("script ", "command ", 1).replace("entry ", "entry point ", 1)
        if step in network:
            asked = ", ".join(dict.fromkeys(network[step]))
            finding = Finding(f"{shown} asks the network for {asked}", remedy=LATER)
            judged += Judgement(advice=(finding,))
        elif event["event"] == "begin" and timed_out:
            said = f"{shown} takes longer than {IMPORT_SECONDS} s; the log shows where it was"
            judged += Judgement(unchecked=(Finding(said, remedy=LATER),))
        elif event["event"] == "begin":
            finding = Finding(f"{shown} ends the interpreter: {last_line}", remedy="see the log")
            judged += Judgement(defects=(finding,))
        elif event["event"] == "error":
            judged += _judge_error(shown, event, own, main, extras)
        elif event["event"] == "extras":
            said = f"{shown} was not loaded: it needs extra {event['value']}"
            judged += Judgement(notes=(Finding(said),))
        else:
            judged += Judgement(defects=tuple(_other_version(event, version, main)))
    if "all" not in steps and not judged.defects and not judged.unchecked:
        raise CannotCheck(f"the wheel's import was not seen to end: {last_line}", "look at the log")
    return judged


def _judge_error(
    shown: str, event: Mapping[str, Any], own: Collection[str], main: str, extras: Collection[str]
) -> Judgement:
    """A step that failed: a defect, unless it lacks what only an extra or its loader brings."""
    from release.gates.build.distribution import normal_name

    step = event["step"]
    missing = str(event["missing"] or "").partition(".")[0]
    if missing and missing not in own:
        optional = normal_name(missing) in extras or (extras and not step.startswith("script "))
        if optional and step not in {f"import {main}", "version"}:
            return Judgement(notes=(Finding(f"{shown} needs an extra: {event['message']}"),))
        if step.startswith("entry "):
            return Judgement(notes=(Finding(f"{shown} needs what loads it: {event['message']}"),))
    place = f" ({event['place']})" if event["place"] else ""
    remedy = "try it in an environment that holds just the wheel; the log has the traceback"
    if missing in own:
        remedy = f"add {event['missing']} to the wheel, or correct the name that leads there"
    elif missing:
        remedy = (
            f"declare the distribution that has {event['missing']} in the project's dependencies,"
            " or import it where it is needed"
        )
    said = f"{shown} fails in a clean environment: {event['type']}: {event['message']}{place}"
    return Judgement(defects=(Finding(said, remedy=remedy),))


def _other_version(event: Mapping[str, Any], version: str, main: str) -> Iterator[Finding]:
    """A version that an installed wheel says it is of, where that is another one."""
    places = {"metadata": "importlib.metadata", "version": f"{main}.__version__"}
    said = event.get("value")
    if said is None or event["step"] not in places:
        return
    if parse(said) is None or parse(said) != parse(version):
        message = f"{places[event['step']]} says {said}, the wheel is of version {version}"
        yield Finding(message, remedy="let both read one place")


def required_by_extras(lines: Sequence[str]) -> frozenset[str]:
    """The names (as in file names) of what a wheel's Requires-Dist lines want for extras only."""
    from packaging.requirements import InvalidRequirement, Requirement

    from release.gates.build.distribution import normal_name

    found = set()
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is not None and "extra" in str(requirement.marker):
            found.add(normal_name(requirement.name))
    return frozenset(found)


GATE = Gate(
    name="build",
    title="sdist and wheel: complete, installable, importable, built twice alike",
    check=check,
    tools=("build", "twine", "check-wheel-contents"),
    cost=4.0,
    writes=(DIST,),
    order=160,
    settings="release.gates.build.settings:BuildSettings",
    defects="release.gates.build.defects:DEFECTS",
)
