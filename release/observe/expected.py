"""What a project's release is expected to be: read from its tag, its settings and its evidence."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from release.errors import CannotCheck, ReleaseError, UsageError
from release.gates.setup import archive_of, publishing_jobs, repository_of
from release.gates.workflows import publishing
from release.gates.workflows.model import Model
from release.gates.workflows.read import Loaded, load
from release.model import Status
from release.observe.attestations import Identity
from release.project import Project
from release.project.git import git, names, object_of, text_at
from release.run.released import kept_files
from release.run.store import FOLDER, read_evidence, sha256_of
from release.text.versions import parse
from release.world.forge import Repository
from release.world.index import index_url

RECEIPT = re.compile(r"\breceipt\.(?:json|\*)")


@dataclass(frozen=True, slots=True)
class Publishing:
    """The job at the tag that publishes, by its workflow's file name and what the forge calls it.

    `by_tag` says whether the push of a tag starts it, `signs` whether it may ask for an identity,
    `attests` whether it promises attestations, `receipt` whether its workflow attaches a receipt to
    the forge's release. `environment` is empty where the job has none.
    """

    workflow: str
    job: str
    by_tag: bool
    signs: bool
    attests: bool
    receipt: bool = False
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """One version of a project, and what it is compared with.

    `version` is spelled as the project does, `commit` is that of the tag (None without one here),
    `digests` those of the files that build made, with where they come from in `source`, None where
    there are none. `image` is a reference, `modules` what the wheel must let one import.
    """

    name: str
    version: str
    index: str
    tag: str = ""
    commit: str | None = None
    digests: Mapping[str, str] | None = None
    source: str = ""
    repository: Repository | None = None
    publishing: Publishing | None = None
    identity: Identity = field(default_factory=Identity)
    promised: bool = False
    image: str | None = None
    archive: bool = False
    modules: tuple[str, ...] = ()


def version_of(project: Project, wanted: str | None) -> str:
    """The version to look at: the given one, else that of the files, else the last release's tag.

    A development version is never released: of such files it is the last release, or the first.

    Raises UsageError for what is not a version, ReleaseError where there is none to look at.
    """
    if wanted is not None:
        found = parse(wanted)
        if found is None:
            raise UsageError.of(
                f"{wanted!r} is not a version by PEP 440", remedy="give one such as 1.2.3"
            )
        return project.spell(found)
    current, last = project.target_version(None), max(project.released.values(), default=None)
    if current is not None and current.is_devrelease and last is None:
        return current.base_version
    if current is None or current.is_devrelease:
        current = last
    if current is None:
        raise ReleaseError.of(
            "nothing is released yet, and no file states a version",
            remedy="give the version: nox -s status -- VERSION",
        )
    return project.spell(current)


def expected(project: Project, wanted: str | None) -> Expected:
    """What the release of a version is expected to be. Asks nothing outside of the repository."""
    version = version_of(project, wanted)
    tag = tag_of(project, version)
    commit = object_at(project, f"refs/tags/{tag}^{{commit}}")
    digests, source, modules = made(project, version, commit)
    publishing = publishing_at(project, commit)
    repository = None
    with suppress(CannotCheck):
        repository = repository_of(project)
    settings = project.settings
    told = settings.attestations
    image = f"{settings.image}:{version}" if settings.image else None
    return Expected(
        name=project.name,
        version=version,
        index=index_url(settings.index),
        tag=tag,
        commit=commit,
        digests=digests,
        source=source,
        repository=repository,
        publishing=publishing,
        identity=Identity(
            repository.page if repository else None,
            publishing.workflow if publishing else None,
            f"refs/tags/{tag}" if publishing and publishing.by_tag else None,
            commit,
        ),
        promised=bool(publishing and publishing.attests) if told is None else told,
        image=image,
        archive=(archive_of(project) or "").lower() == "zenodo",
        modules=modules or ((project.package,) if project.package else ()),
    )


def tag_of(project: Project, version: str) -> str:
    """The tag of a version: the one that is there, however it spells it, else as it would be."""
    number = parse(version)
    there = [tag for tag, found in project.released.items() if found == number]
    usual = project.tag_of(version)
    return usual if usual in there or not there else there[0]


def object_at(project: Project, name: str) -> str | None:
    """The full name of an object of git; None where there is no such thing."""
    return object_of(project.root, name) or None if project.git else None


def made(
    project: Project, version: str, commit: str | None
) -> tuple[Mapping[str, str] | None, str, tuple[str, ...]]:
    """The digests of what build made of a version, where they are from, and its modules.

    From build's evidence of the tagged commit, else from the files of the last releases that are
    kept. None where there is neither.
    """
    folder = project.root / FOLDER
    number = parse(version)
    try:
        evidence = read_evidence(folder / "evidence" / "build.json")
    except (OSError, ValueError):
        evidence = None
    if evidence is not None and evidence.outcome.status is Status.PASSED and not evidence.dirty:
        facts, files = evidence.outcome.facts, evidence.outcome.artifacts
        same = parse(facts.get("version", "")) == number and evidence.commit == commit
        if same and files:
            digests = {a.name: a.sha256 for a in files if a.path.startswith("dist/")}
            modules = tuple(name for name in facts.get("imports", "").split(",") if name)
            return digests, "build's evidence", modules
    kept = [path for path in kept_files(folder) if parse(path.parent.name) == number]
    if kept:
        return {path.name: sha256_of(path) for path in kept}, "the files that were kept", ()
    return None, "", ()


def publishing_at(project: Project, commit: str | None) -> Publishing | None:
    """The job that publishes, as the workflows at a commit have it; as they are now without one."""
    with tempfile.TemporaryDirectory(prefix="nox-release-") as scratch:
        root = Path(scratch).resolve()
        model = load(_workflows_at(project, commit, root) if commit else project.top).model
        return _publishing(model, by_tag=project.settings.publishing == "tag")


def _workflows_at(project: Project, commit: str, root: Path) -> Path:
    """The files that workflows are read from, as a commit has them, below `root`."""
    top = project.top
    listed = git(top, "ls-tree", "-r", "-z", "--full-tree", "--name-only", commit, "--", ".github")
    for path in names(listed.stdout):
        target = root / path
        if path.endswith((".yml", ".yaml")) and target.resolve().is_relative_to(root):
            target.parent.mkdir(parents=True, exist_ok=True)
            text = text_at(top, commit, path)
            target.write_text(text or "", encoding="utf-8", errors="surrogateescape")
    return root


def _publishing(model: Model, *, by_tag: bool) -> Publishing | None:
    jobs = publishing_jobs(Loaded(model))
    if not jobs:
        return None
    chosen = jobs[0]
    job = chosen.by[0].job
    steps = [one.step for one in chosen.by if one.command is None]
    return Publishing(
        workflow=chosen.workflow,
        job=(name.text if (name := job.node.get("name")) is not None else None) or job.id,
        by_tag=by_tag and chosen.by_tag,
        signs=job.grants("id-token") == "write",
        attests=any(
            publishing.input_of(step, "attestations") != "false"
            and not publishing.input_of(step, "password")
            for step in steps
        ),
        receipt=any(
            RECEIPT.search(runs) and "gh release" in runs
            for other in model.jobs()
            for runs in ["\n".join(step.run for step in other.steps)]
        ),
        environment="" if "${{" in chosen.environment else chosen.environment,
    )


def is_of(name: str, job: str) -> bool:
    """Whether a job on the forge is that job, one of its matrix, or one of a workflow it calls."""
    return name == job or name.startswith((f"{job} (", f"{job} / "))
