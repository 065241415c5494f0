"""What is set up once, outside of the repository, is there: publisher, environment, archive, hooks.

Trusted publisher: what the index shows of the last release's attestation (repository, workflow,
environment) must be what would publish the next one: the workflow that uses
pypa/gh-action-pypi-publish or `uv publish`, the environment of its job, and the repository that the
remote names; `owner`, `repository`, `workflow` and `environment` state what is not to be told from
these. Where no release has an attestation yet, a person looks and confirms it with the day, in
[tool.release.gates.setup]: `confirmed.publisher = 2026-11-01`. A confirmation of the day of the
last release, or of a later one, outweighs what that release shows, which stays advice; so does any
where neither the index nor a tag tells that day. As long as the index does not know the project,
what is confirmed is a pending publisher, which lasts 30 days: the gate fails after that.

Environment: GitHub must have it, for a missing one is made silently and without protection by the
first run; if only some refs may deploy to it, the tag of the release must be one of them. An
environment that nothing protects is advice, and a defect with `protected = true`.
`confirmed.environment` counts where GitHub does not show it.

Archive: with `archive = "zenodo"`, or a .zenodo.json, its switch for this repository cannot be
seen from outside and is confirmed: `confirmed.archive`. `archive = "none"` says that there is none.

Hooks: the folder of hooks that the project ships is the one that git uses in this clone; not judged
in CI.

Blocks: a publisher, an environment or hooks that are not as the workflow, the settings or the
project have them (certain, and promises). What can neither be seen nor is confirmed is advice, with
what to fill in where, until a release was published from a workflow, and leaves the gate unchecked
after that. A confirmation older than a year is advice. A project that no workflow publishes by
Trusted Publishing, or with tool.release.publish = false, has no publisher and no environment to
judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date
from pathlib import Path
from typing import TYPE_CHECKING

from release.errors import CannotCheck, ConfigurationError
from release.model import Finding, Gate, Judgement, Outcome
from release.text.globs import ends

if TYPE_CHECKING:
    from release.gates.setup.settings import SetupSettings
    from release.gates.workflows.publishing import Publication
    from release.gates.workflows.read import Loaded
    from release.project import Project
    from release.run.shell import Shell
    from release.world.forge import Environment, Repository
    from release.world.index import ServedFile
    from release.world.integrity import Publisher

WORKFLOWS = ".github/workflows"
PENDING_DAYS = 30
STALE_DAYS = 365
SETTING = "tool.release.gates.setup"
FOLDER = (
    "an index that is a folder tells nothing about publishers",
    "set tool.release.index to the one that releases go to",
)
ZENODO = "https://zenodo.org/account/settings/github"


@dataclass(frozen=True, slots=True)
class Job:
    """A job that publishes: its workflow's file name, its name, its environment.

    `environment` is empty when it has none, and may be an expression. `by_tag` says whether a tag
    or a release starts the workflow, `by` what it publishes by.
    """

    workflow: str
    name: str
    environment: str
    by_tag: bool
    by: tuple[Publication, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the next release is published by; what is not known is None.

    `environment` is empty where the publishing job has none.
    """

    project: str
    owner: str | None
    repository: str | None
    workflow: str | None
    environment: str | None

    @property
    def fields(self) -> str:
        """What to type into the index's form, field by field."""
        environment = self.environment or "(leave it empty)"
        if self.environment is None:
            environment = "(that of the publishing job)"
        return "; ".join(
            [
                f"PyPI project name: {self.project}",
                f"owner: {self.owner or '(the owner on GitHub)'}",
                f"repository name: {self.repository or '(the name on GitHub)'}",
                f"workflow name: {self.workflow or '(the file that publishes)'}",
                f"environment name: {environment}",
            ]
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What the index shows of the last release.

    `exists` says whether the index knows the project, None when it could not be asked, which
    `trouble` then explains. `publishers` are those of the version `version`'s attestations, empty
    where it has none; `released` is the day on which it was uploaded, or else tagged, where one of
    the two is known.
    """

    exists: bool | None
    version: str | None = None
    publishers: tuple[Publisher, ...] = ()
    released: date | None = None
    trouble: CannotCheck | None = None


def _part(
    *defects: Finding,
    unchecked: Finding | None = None,
    advice: Sequence[Finding] = (),
    well: str = "",
) -> Judgement:
    """The judgement on one thing. `unchecked` is what is neither seen nor confirmed, `well` what
    there is to say about it when it is well.
    """
    unknown = () if unchecked is None else (unchecked,)
    return Judgement(1, defects, tuple(advice), unknown, (Finding(well),) if well else ())


def check(project: Project, shell: Shell) -> Outcome:
    settings, today = settings_of(project), shell.today
    repository: Repository | CannotCheck
    try:
        repository = repository_of(project)
    except CannotCheck as error:
        repository = error
    seen = Seen(None)
    parts = [judge_confirmations(dict(settings.confirmed.items()), today)]
    if project.settings.publish is True:
        more, seen = _judge_publishing(project, shell, repository)
        parts += more
    slug = None if isinstance(repository, CannotCheck) else repository.slug
    parts.append(judge_archive(archive_of(project), settings.confirmed.get("archive"), slug, today))
    parts.append(_judge_hooks(project.root))
    # Where the index could not be asked, that is not known.
    published = bool(seen.publishers) or seen.trouble is not None
    publish = project.settings.publish
    return conclude(parts, publish=publish, published=published)


def settings_of(project: Project) -> SetupSettings:
    """What a project says of its one-time set-up."""
    from release.gates.setup.settings import SetupSettings

    return project.settings.gates.of("setup", SetupSettings)


def repository_of(project: Project) -> Repository:
    """The repository on GitHub, as the remote and the settings name it.

    Raises what `release.world.forge.find` does where there is none.
    """
    from release.world.forge import find

    settings, found = settings_of(project), find(project.git, project.settings.remote)
    owner, name = settings.owner or found.owner, settings.repository or found.name
    return replace(found, owner=owner, name=name)


def archive_of(project: Project) -> str | None:
    """What archives each release: as settings say, else Zenodo where there is a file for it."""
    zenodo = "zenodo" if (project.root / ".zenodo.json").is_file() else None
    return settings_of(project).archive or zenodo


def _judge_publishing(
    project: Project, shell: Shell, repository: Repository | CannotCheck
) -> tuple[list[Judgement], Seen]:
    """The publisher and its environment, where a workflow publishes or settings say so, and what
    the index shows.
    """
    from release.gates.workflows.read import load

    settings, today = settings_of(project), shell.today
    root = project.top
    job, problem = choose(publishing_jobs(load(root)), settings)
    if problem:
        return [_part(problem)], Seen(None)
    set_up = settings.workflow or settings.environment or settings.confirmed.get("publisher")
    if job is None and not set_up:
        return [], Seen(None)
    parts = [] if job else [_judge_file(root, settings.workflow)]
    environment = settings.environment or (job.environment if job else None)
    owner, name = settings.owner, settings.repository
    there: Environment | CannotCheck | None
    if isinstance(repository, CannotCheck):
        there = repository
    else:
        (owner, name), there = _ask_forge(repository, environment, lambda: shell.remaining)
    workflow = (settings.workflow or (job.workflow if job else "")).rpartition("/")[2] or None
    expected = Expected(project.name, owner, name, workflow, environment)
    seen = _look_at_index(project)
    parts.append(judge_publisher(expected, seen, settings, today))
    if expected.environment:  # that the job has none is for `workflows` to say
        confirmed = settings.confirmed.get("environment")
        tag = _tag(project, shell) if job and job.by_tag else None
        protected = settings.protected
        parts.append(judge_environment(expected, there, confirmed, today, tag, protected=protected))
    return parts, seen


def conclude(parts: Sequence[Judgement], *, publish: bool | str, published: bool) -> Outcome:
    """The verdict on all parts together.

    Until the project has `published` from a workflow, what cannot be seen is advice.
    """
    judged = sum(parts, Judgement())
    if not judged.checked:
        return Outcome.not_applicable(
            "no workflow publishes it by Trusted Publishing, and it has no archive and no hooks"
            if publish is True
            else "releases are published by hand, and it has no archive and no hooks"
            if publish
            else "tool.release.publish is off, and it has no archive and no hooks"
        )
    well = "; ".join(note.message for note in judged.notes)
    judged = replace(judged, notes=())
    if not published:
        judged = replace(judged, advice=judged.unchecked + judged.advice, unchecked=())
    return judged.settle(well or "not observed yet")


def publishing_jobs(loaded: Loaded) -> tuple[Job, ...]:
    """The jobs that publish as a trusted publisher, but not to an index for tests.

    Raises ConfigurationError when there are none among the workflows that can be read, and others
    cannot.
    """
    from release.gates.workflows import publishing

    found: dict[tuple[str, str], list[Publication]] = {}
    for publication in publishing.Context(loaded.model, publishing.Expected()).open:
        if _is_trusted(publication):
            found.setdefault(publication.job.key, []).append(publication)
    unread = [fault for fault in loaded.faults if fault.path not in loaded.nodes]
    if unread and not found:
        raise ConfigurationError(*unread)
    return tuple(_job(loaded, by) for by in found.values())


def _job(loaded: Loaded, by: Sequence[Publication]) -> Job:
    job = by[0].job
    workflow, environment = loaded.model.workflows[job.path], job.environment
    push = workflow.triggers.get("push")
    by_tag = "release" in workflow.triggers or bool(push and push.get("tags"))
    name = (environment.text if environment else None) or ""
    return Job(workflow.name, job.id, name, by_tag, tuple(by))


def _is_trusted(publication: Publication) -> bool:
    """Whether it is by one of the two that a trusted publisher uses."""
    from release.gates.workflows.commands import program, subcommand
    from release.gates.workflows.publishing import PUBLISHER, uses_any

    if publication.command is None:
        return uses_any(publication.step, [PUBLISHER])
    run = program(publication.command.words)
    return run[:1] == ("uv",) and subcommand(run) == "publish"


def choose(jobs: Sequence[Job], settings: SetupSettings) -> tuple[Job | None, Finding | None]:
    """The job that publishes, as far as settings name it, and what is wrong with the choice.

    Whether it is what settings name is for `workflows` to judge.
    """
    file = (settings.workflow or "").removeprefix(f"{WORKFLOWS}/")
    chosen = [job for job in jobs if file in {"", job.workflow}]
    wanted = settings.environment
    if wanted:
        chosen = [j for j in chosen if j.environment.lower() == wanted.lower()] or chosen
    if not chosen:
        return None, None
    path = f"{WORKFLOWS}/{chosen[0].workflow}"
    if len({(job.workflow, job.environment) for job in chosen}) > 1:
        shown = [f"{job.workflow} (environment {job.environment or 'none'})" for job in chosen]
        remedy = f"keep one, or name it: {SETTING}.workflow and .environment"
        return None, Finding(f"several jobs publish: {', '.join(shown)}", path, remedy=remedy)
    if "${{" in chosen[0].environment and not wanted:
        said = f"the environment of the publishing job {chosen[0].name} is an expression"
        remedy = f"write its name there, or set {SETTING}.environment"
        return None, Finding(said, path, remedy=remedy)
    return chosen[0], None


def judge_confirmations(confirmed: Mapping[str, date], today: date) -> Judgement:
    """What is wrong with the confirmations themselves: days to come, their age."""
    judged = Judgement(1 if confirmed else 0)
    for name, day in confirmed.items():
        if day > today:
            said = f"{SETTING}.confirmed.{name} is in the future, {day}"
            remedy = "look at it, and write the day on which you did"
            judged += Judgement(defects=(Finding(said, "pyproject.toml", remedy=remedy),))
        elif (today - day).days > STALE_DAYS:
            said = f"the {name} was confirmed more than a year ago, on {day}"
            remedy = f"look again, and set {_confirm(name, today)}"
            judged += Judgement(advice=(Finding(said, remedy=remedy),))
    return judged


def judge_publisher(
    expected: Expected, seen: Seen, settings: SetupSettings, today: date
) -> Judgement:
    """The trusted publisher: as the index shows it, else as confirmed, else what to fill in."""
    confirmed = settings.confirmed.get("publisher")
    if seen.publishers:
        return _judge_observed(expected, seen, confirmed, today)
    if confirmed and seen.exists is False:
        return _judge_pending(expected, confirmed, today)
    remarks = [Finding(seen.trouble.reason, remedy=seen.trouble.remedy)] if seen.trouble else []
    if confirmed:
        return _part(advice=remarks, well=f"publisher confirmed on {confirmed}")
    return _part(unchecked=_unknown_publisher(expected, seen, today), advice=remarks)


def _judge_observed(
    expected: Expected, seen: Seen, confirmed: date | None, today: date
) -> Judgement:
    """A publisher that an attestation of the last release shows."""
    closest = min((_differences(expected, one) for one in seen.publishers), key=len)
    elsewhere = f"was published from elsewhere: {'; '.join(closest)}"
    names_one = any(publisher.environment for publisher in seen.publishers)
    # A publisher that names no environment takes any.
    fields = ["owner", "repository", "workflow", *(["environment"] if names_one else [])]
    unknown = ", ".join(name for name in fields if getattr(expected, name) is None)
    if not closest and not unknown:
        said = "the publisher names no environment, so any job of the workflow may publish"
        advice = Finding(said, remedy=f"name {expected.environment} in it, on the index")
        well = f"publisher as {seen.version} shows it ({expected.workflow})"
        return _part(advice=[advice] if expected.environment and not names_one else [], well=well)
    if confirmed and (seen.released is None or confirmed >= seen.released):
        advice = Finding(f"{seen.version} {elsewhere}")
        well = f"publisher confirmed on {confirmed}"
        return _part(advice=[advice] if closest else [], well=well)
    if closest:
        remedy = "restore that, or change the project's publisher on the index to"
        remedy += f" {expected.fields}; then set {_confirm('publisher', today)}"
        return _part(Finding(f"the last release, {seen.version}, {elsewhere}", remedy=remedy))
    said = f"the index shows who published {seen.version}, and what to compare that with"
    remedy = f"set {unknown} below [{SETTING}]; or look at the publisher on the index and set"
    remedy += f" {_confirm('publisher', today)}"
    return _part(unchecked=Finding(f"{said} is not known: {unknown}", remedy=remedy))


def _judge_pending(expected: Expected, since: date, today: date) -> Judgement:
    """A publisher of a project that the index does not have yet, known since a day."""
    if (today - since).days <= PENDING_DAYS:
        return _part(well=f"publisher pending since {since}")
    said = f"the pending publisher of {since} has expired: it lasts {PENDING_DAYS} days, and the"
    said += f" index has no {expected.project} yet"
    remedy = f"register it again ({expected.fields}), and set {_confirm('publisher', today)}"
    return _part(Finding(said, "pyproject.toml", remedy=remedy))


def _unknown_publisher(expected: Expected, seen: Seen, today: date) -> Finding:
    why = f"the trusted publisher cannot be seen: the index has no {expected.project} yet"
    how = "register it on the index as a pending publisher, under Publishing"
    if seen.trouble:
        why = f"the trusted publisher was not observed: {seen.trouble.reason}"
    elif seen.exists:
        why = "the trusted publisher cannot be seen: the index shows no attestation of"
        why += f" {seen.version or 'the last release'}"
        how = "see that it is registered on the index under Manage, Publishing"
    remedy = f"{how}, with {expected.fields}; then set {_confirm('publisher', today)}"
    return Finding(why, remedy=remedy)


def _differences(expected: Expected, publisher: Publisher) -> list[str]:
    """In what of that which is known a publisher is not the expected one.

    GitHub's names are the same in any case.
    """
    owner, _, name = publisher.repository.partition("/")
    found = [] if publisher.kind == "GitHub" else [f"kind {publisher.kind}, not GitHub"]
    for what, is_it, should in (
        ("owner", owner, expected.owner),
        ("repository", name, expected.repository),
        ("workflow", publisher.workflow, expected.workflow),
    ):
        same = is_it == should if what == "workflow" else is_it.lower() == (should or "").lower()
        if should is not None and not same:
            found.append(f"{what} {is_it or 'none'}, not {should}")
    there, here = publisher.environment, expected.environment
    # One that names no environment takes any.
    if there is not None and here is not None and there.lower() != here.lower():
        found.append(f"environment {there}, not {here or 'none'}")
    return found


def judge_environment(
    expected: Expected,
    seen: Environment | CannotCheck | None,
    confirmed: date | None,
    today: date,
    tag: str | None,
    *,
    protected: bool = False,
) -> Judgement:
    """The publishing environment: as GitHub shows it (None for a missing one), else confirmed.

    `tag` is that of the release where a tag starts the publishing workflow; `protected` says
    whether it must be protected.
    """
    name = expected.environment
    owner, repository = expected.owner or "OWNER", expected.repository or "REPOSITORY"
    how = (
        f"{owner}/{repository}, Settings, Environments, {name}: required reviewers, and deployment"
        " branches and tags limited to the release tags"
    )
    if isinstance(seen, CannotCheck):
        remedy = f"{seen.remedy}; or look at {how}; then set {_confirm('environment', today)}"
        why = Finding(f"the environment {name} cannot be seen: {seen.reason}", remedy=remedy)
        if confirmed is None:
            return _part(unchecked=why)
        return _part(advice=(why,), well=f"environment {name} confirmed on {confirmed}")
    if seen is None:
        said = f"{owner}/{repository} has no environment {name}; the first run would make it,"
        return _part(Finding(f"{said} without protection", remedy=f"make it: {how}"))
    refused = refuses(seen, tag) if tag else None
    if refused:
        return _part(Finding(f"{refused}, so it refuses the tag {tag}", remedy=f"fix {how}"))
    guarded = [rule.replace("_", " ") for rule in seen.rules]
    if not guarded:
        bare = Finding(f"nothing protects the environment {name}", remedy=f"protect it: {how}")
        if protected:
            return _part(bare)
        return _part(advice=(bare,), well=f"environment {name} is there")
    return _part(well=f"environment {name} has {', '.join(dict.fromkeys(guarded))}")


def refuses(environment: Environment, tag: str) -> str | None:
    """Why a run for a tag may not deploy to an environment; None if it may.

    Patterns are those of Ruby's File.fnmatch with FNM_PATHNAME, which GitHub uses.
    """
    if environment.protected_branches:
        return f"only protected branches may deploy to {environment.name}"
    if environment.patterns is None:
        return None
    if any(kind == "tag" and _fits(tag, pattern) for kind, pattern in environment.patterns):
        return None
    shown = ", ".join(f"{kind} {pattern}" for kind, pattern in environment.patterns) or "nothing"
    return f"{environment.name} takes {shown} only"


def _fits(tag: str, pattern: str) -> bool:
    """Whether a pattern matches: `*` does so within one part, `**/` any number of whole ones."""
    # In Python's patterns a circumflex negates nothing, and no backslash takes a meaning away.
    pattern = re.sub(r"\\(.)", r"[\1]", pattern).replace("[^", "[!")
    parts = tag.split("/")
    return len(parts) in ends(parts, pattern.split("/"))


def judge_archive(
    archive: str | None, confirmed: date | None, slug: str | None, today: date
) -> Judgement:
    """The archive's switch for this repository, which only a person sees."""
    if archive is None or archive.lower() == "none":
        return Judgement()
    if confirmed:
        return _part(well=f"{archive} confirmed on {confirmed}")
    where = "its page"
    if archive.lower() == "zenodo":
        where = f"{ZENODO}/repository/{slug}" if slug else ZENODO
    said = f"whether {archive} takes this repository's releases cannot be seen from outside"
    remedy = f"look at {where}, switch it on, and set {_confirm('archive', today)}; or"
    return _part(unchecked=Finding(said, remedy=f'{remedy} {SETTING}.archive = "none"'))


def _judge_hooks(root: Path) -> Judgement:
    from release.gates.tree import hooks_folder, hooks_path, unused
    from release.settings import environment_is_ci

    hooks = hooks_folder(root)
    if hooks is None or environment_is_ci():
        return Judgement()
    path = hooks_path(root)
    return _part(unused(hooks, path)) if path != hooks else _part(well="hooks in use")


def _judge_file(root: Path, workflow: str | None) -> Judgement:
    """The workflow file that settings name, in which no publishing step was recognised."""
    if workflow is None:
        return Judgement()
    path = workflow if "/" in workflow else f"{WORKFLOWS}/{workflow}"
    if (root / path).is_file():
        return Judgement()
    said = f"{SETTING}.workflow names {path}, which is not there"
    return _part(Finding(said, "pyproject.toml", remedy="correct it, or add the workflow"))


def _confirm(name: str, today: date) -> str:
    return f"confirmed.{name} = {today} below [{SETTING}]"


def _ask_forge(
    repository: Repository, environment: str | None, remaining: Callable[[], float]
) -> tuple[tuple[str, str], Environment | CannotCheck | None]:
    """Owner and name that a repository has now, and its environment of that name."""
    from release.world.forge import Forge, find_token

    known = repository.owner, repository.name
    try:
        forge = Forge(repository, find_token(repository), remaining)
        slug = forge.slug()
        if slug.lower() != repository.slug.lower():
            known = slug.partition("/")[0], slug.partition("/")[2]
        return known, forge.environment(environment) if environment else None
    except CannotCheck as error:
        return known, error


def _look_at_index(project: Project) -> Seen:
    """The last release on the index, and who published it."""
    from release.text.versions import parse
    from release.world.index import index_url, served_files
    from release.world.integrity import provenance_of, publishers_in

    url = index_url(project.settings.index)
    if url.startswith("file:"):
        return Seen(None, trouble=CannotCheck(*FOLDER))
    try:
        files = served_files(project.name, url)
        known = [
            (version, file)
            for file in files or ()
            if not file.yanked and (version := parse(file.version)) is not None
        ]
        if not known:
            return Seen(bool(files))
        last = max(version for version, _ in known)
        released = [file for version, file in known if version == last]
        for file in sorted(released, key=lambda file: not file.name.endswith(".whl"))[:2]:
            said = provenance_of(project.name, str(last), file.name, url, file.provenance)
            found = publishers_in(said, file.name) if said is not None else ()
            if found:
                return Seen(True, str(last), found, _released(project, str(last), released))
        return Seen(True, str(last))
    except CannotCheck as error:
        return Seen(None, trouble=error)


def _released(project: Project, version: str, files: Sequence[ServedFile]) -> date | None:
    """The day on which the last file of a version was uploaded, else that of its tag here."""
    from release.project.git import git

    uploaded = [file.uploaded for file in files if file.uploaded is not None]
    if uploaded:
        return max(uploaded).astimezone(UTC).date()
    tags = [tag for tag, spelled in project.released.items() if str(spelled) == version]
    if not tags:
        return None
    ref = f"refs/tags/{tags[0]}"
    said = git(project.root, "log", "-1", "--format=%cs", ref, "--", check=False).stdout.strip()
    try:
        return date.fromisoformat(said)
    except ValueError:
        return None


def _tag(project: Project, shell: Shell) -> str | None:
    target = project.target_version(shell.level)
    if target is None or project.settings.publishing != "tag":
        return None
    return project.tag_of(project.spell(target))


GATE = Gate(
    name="setup",
    title="publisher, environment, archive and hooks are set up",
    check=check,
    cost=0.4,
    valid=None,
    order=30,
    settings="release.gates.setup.settings:SetupSettings",
    defects="release.gates.setup.defects:DEFECTS",
)
