"""What the index would refuse after the tag is pushed is refused before.

Judges the files that build made by the rules of PyPI's upload code: names (PEP 625, the binary
distribution format), platform tags, metadata (its specification, known and current classifiers,
addresses, lengths, licences), no local version and no requirement by an address, licence files
where License-File says, RECORD, entry points, an archive without duplicates, streams or comments,
one sdist, the size. Wheel and sdist must say the same of what installers go by, and have the
same licence files. The version of the metadata must be one that the pypa/gh-action-pypi-publish of
the workflows takes.

Blocks what is certain to be refused. Advice: licence files that only one of the two files has, a
wheel and an sdist before metadata 2.2 that differ, and a publisher whose version is not known.

A wheel for this Linux alone (linux_x86_64) is advice where the workflows that publish use
cibuildwheel, auditwheel or maturin, which make portable ones, or build nothing but an sdist.

Asks the index whether it has a file of that name with other bytes (the same bytes are noted),
another sdist of the version, or a version that is closed because it is older than 14 days; and of
a project that it does not know, whether its name is a module of Python's standard library. With a
LEVEL the version to be released is another one than was built, and that is left to the built files
of the release. That a name was used by a file that is deleted now, no index tells.

Settings: `max-megabytes` is what the index takes (2^20 bytes each; 100 unless it granted more).
With [tool.release] publish = false the index is not asked, and what only an index refuses (local
versions, requirements by address, private classifiers, sizes) is not judged. It is unchecked when
the index cannot be asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from release.errors import CannotCheck
from release.model import Artifact, Finding, Gate, Judgement, Outcome

if TYPE_CHECKING:
    from release.gates.build.distribution import Archive
    from release.gates.parity.rules import Publisher
    from release.gates.workflows.model import Step
    from release.project import Project
    from release.run.shell import Shell

WHEEL_BUILDERS = frozenset(
    """messense/maturin-action pyo3/maturin-action pypa/cibuildwheel
    ralfg/python-wheels-manylinux-build""".split()  # noqa: SIM905
)
WHEEL_TOOL = re.compile(r"(?:auditwheel|cibuildwheel|maturin)(?:[=@~<>\[].*)?")
SDIST, WHEEL = re.compile(r"(?:--)?sdist"), re.compile(r"--wheel|(?:bdist_)?wheel|-\w*w")
LOG_REMEDY = "look at the log; nox -s parity -- --fresh runs it again"


def check(project: Project, shell: Shell) -> Outcome:
    from release.gates.parity import rules as parity
    from release.gates.parity.settings import ParitySettings

    kinds = (".whl", ".tar.gz", ".zip")
    paths = [path for kind in kinds for path in shell.needed_artifacts("build", kind)]
    if not paths:
        raise CannotCheck("build made no file", "run it again: nox -s build -- --fresh")
    artifacts = [shell.artifact(path) for path in paths]
    judged, archives = _judge_archives(paths)
    judged += _judge_contents(project, shell, archives)
    judged += parity.judge_sdists([path.name for path in paths])
    asked = "the index is not asked: [tool.release] publish = false"
    if project.settings.publish:
        most = project.settings.gates.of("parity", ParitySettings).max_megabytes
        for artifact in artifacts:
            judged += parity.judge_size(artifact, most)
        try:
            found, asked = _judge_index(project, shell, archives, artifacts)
            judged += found
        except CannotCheck as error:
            judged += Judgement(unchecked=error.problems)
    return judged.settle(f"{len(paths)} files as an index takes them; {asked}")


def _judge_archives(paths: Sequence[Path]) -> tuple[Judgement, list[Archive]]:
    from release.gates.build.distribution import Unreadable, read
    from release.gates.parity.rules import judge_archive

    judged = Judgement()
    archives = []
    for path in paths:
        with path.open("rb") as file:
            found = judge_archive(path.name, file, path.stat().st_size)
        try:
            archives.append(read(path))
        except Unreadable as error:
            if not found.defects:
                found += Judgement(1, (Finding(str(error), remedy="build it again"),))
        judged += found
    return judged, archives


def _judge_contents(project: Project, shell: Shell, archives: Sequence[Archive]) -> Judgement:
    from release.gates.parity import rules as parity

    publish = bool(project.settings.publish)
    between = project.version_source == "version control" and not project.released_here
    pins = publishers(project.top)
    errors = _errors(shell, archives)
    as_built = publish and not makes_wheels_anew(project)
    judged = Judgement()
    for archive in archives:
        judged += parity.judge_file(
            archive, publish=publish, as_built=as_built, between_releases=between
        )
        judged += parity.judge_errors(archive, errors.get(archive.file, ()), publish=publish)
        judged += parity.judge_metadata_version(archive, pins if publish else ())
    sdists = [archive for archive in archives if not archive.is_wheel]
    for wheel in (archive for archive in archives if archive.is_wheel):
        for sdist in sdists[:1]:
            judged += parity.judge_agreement(sdist, wheel)
    return judged


def publishers(root: Path) -> list[Publisher]:
    """The uses of the publishing action in a repository's workflows, but for those to TestPyPI."""
    from release.gates.parity.rules import Publisher
    from release.gates.workflows.pins import table, version_of
    from release.gates.workflows.publishing import PUBLISHER, publishes_by_action
    from release.gates.workflows.read import load

    found = []
    for step in (step for job in load(root).model.jobs() for step in job.steps):
        uses = step.uses
        if uses is not None and uses.repository == PUBLISHER and publishes_by_action(step):
            version = version_of(uses, table())
            moving = not uses.is_pinned and version is None
            found.append(Publisher(uses.node.path, uses.node.line, version, moving))
    return list(dict.fromkeys(found))


def makes_wheels_anew(project: Project) -> bool:
    """Whether other wheels than the built one are published, or none.

    So it is where a workflow that publishes, or one that it calls or follows, makes portable
    wheels, or nothing but an sdist. Where none publishes, the settings of cibuildwheel tell it.
    """
    from release.gates.workflows.publishing import Context, Expected
    from release.gates.workflows.read import load

    context = Context(load(project.top).model, Expected())
    if not context.jobs:
        return bool(project.tool("cibuildwheel"))
    if any("workflow_run" in file.triggers for file in context.files):
        return any(_makes_wheels_anew(step) for job in context.model.jobs() for step in job.steps)
    paths = [file.path for file in context.files]
    for path in paths:
        for job in context.model.workflows[path].jobs.values():
            called = context.called(job)
            if called is not None and called not in paths:
                paths.append(called)
            if any(_makes_wheels_anew(step) for step in job.steps):
                return True
    return False


def _makes_wheels_anew(step: Step) -> bool:
    if step.uses is not None and step.uses.repository in WHEEL_BUILDERS:
        return True
    for words in (command.words for command in step.commands):
        if any(WHEEL_TOOL.fullmatch(word) for word in words):
            return True
        if any(map(SDIST.fullmatch, words)) and not any(map(WHEEL.fullmatch, words)):
            return True
    return False


def _errors(shell: Shell, archives: Sequence[Archive]) -> dict[str, list[list[str]]]:
    """What is wrong with the metadata of each file, by the names of the files."""
    asked = {}
    for number, archive in enumerate(archives):
        place = f"{archive.info}METADATA" if archive.is_wheel else "PKG-INFO"
        if place in archive.texts:
            path = shell.work / f"metadata-{number}"
            path.write_bytes(archive.texts[place])
            asked[archive.file] = str(path)
    return _ask(shell, asked)


def _ask(shell: Shell, asked: dict[str, str]) -> dict[str, list[list[str]]]:
    """What `_check_metadata.py` answers. Raises CannotCheck when it fails or answers otherwise."""
    found, said = shell.answer(Path(__file__).with_name("_check_metadata.py"), asked=asked)
    if not isinstance(found, dict) or found.keys() != asked.keys():
        raise CannotCheck(f"the metadata were not read: {said}", LOG_REMEDY)
    return found


def _judge_index(
    project: Project, shell: Shell, archives: Sequence[Archive], artifacts: Sequence[Artifact]
) -> tuple[Judgement, str]:
    """What the index says to these files, and a few words on what it was asked."""
    from release.gates.parity.rules import judge_reuse
    from release.gates.versions import is_tagged_here
    from release.text.versions import parse
    from release.world.index import index_url, served_files

    name = next((a.metadata["name"] for a in archives if a.metadata.get("name")), project.name)
    served = served_files(name, index_url(project.settings.index))
    if served is None:
        errors = _ask(shell, {"": name})[""]
        said = (f"a new project cannot have this name: {text}" for _, text in errors)
        faults = tuple(Finding(message, remedy="rename it") for message in said)
        takes = "the first upload takes the name, unless one that looks like it is taken"
        new = Finding(f"the index knows no {name} yet: {takes}")
        return Judgement(1, faults, notes=(new,)), "the index does not know the project yet"
    built = parse(next((a.metadata["version"] for a in archives if "version" in a.metadata), ""))
    target = project.target_version(shell.level)
    known = any(parse(file.version) == built for file in served)
    known = known and (not project.released or is_tagged_here(project, built))
    # Of a version that no file states, what was built tells whether it is released.
    over = built in {*project.released.values()} - {*project.released_here.values()}
    after = shell.level is None and (project.after_release or known or (target is None and over))
    if built is None or after or (target is not None and target != built):
        return Judgement(1), f"{'the next version' if after else target} is to be built yet"
    judged = judge_reuse(artifacts, served, built, shell.now.astimezone(UTC))
    return judged, "no name on the index is used again"


GATE = Gate(
    name="parity",
    title="the files are such as the index takes",
    check=check,
    tools=("email-validator", "packaging", "rfc3986", "stdlib-list", "trove-classifiers"),
    needs=("build",),
    required="ci",
    cost=1.0,
    valid=timedelta(hours=24),
    order=170,
    settings="release.gates.parity.settings:ParitySettings",
    defects="release.gates.parity.defects:DEFECTS",
)
