"""Looks at everything that shows where a release stands. Changes nothing.

Each observation is made by itself: one that cannot be made is unknown, and hides no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from release.change.statements import reads
from release.errors import CannotCheck
from release.gates.ci import read_units
from release.gates.tree import release_branch
from release.observe.attestations import provenances
from release.observe.expected import Expected, is_of, object_at
from release.project import Project, VersionPlace
from release.project.git import contains, git, object_of, text_at
from release.text import yaml
from release.text.versions import parse
from release.world import standing
from release.world.archive import doi_of
from release.world.forge import (
    CheckRun,
    Checks,
    Forge,
    Refused,
    Release,
    WorkflowRun,
    find_token,
)
from release.world.index import ServedFile, release_files
from release.world.integrity import publishers_in
from release.world.registry import labels_of
from release.world.remote import RemoteRefs, ask
from release.world.standing import (
    Archive,
    Attestations,
    Branch,
    Files,
    ForgeRelease,
    Image,
    Index,
    LocalTag,
    Look,
    Observation,
    RemoteTag,
    Run,
    State,
    Stated,
)

T = TypeVar("T", bound=State)
# What was published may take so long to be shown everywhere.
RECENT = timedelta(minutes=30)
# The index takes no new file for a release that is older (since 2026).
WINDOW = timedelta(days=14)
CITATION = "CITATION.cff"
REVISION = "org.opencontainers.image.revision"
STOPPED = frozenset(["cancelled", "timed_out"])
NO_FORGE = "its repository is not known to be on GitHub, the only forge that is asked"


@dataclass
class Scene:
    """What a look at one version is made with; what several observations share is asked once."""

    project: Project
    wanted: Expected
    now: datetime

    @property
    def remote(self) -> str | None:
        name = self.project.settings.remote
        return name if self.project.git and name in self.project.git.remotes else None

    @cached_property
    def refs(self) -> RemoteRefs | CannotCheck:
        """What the remote has, or why it cannot be asked."""
        if self.remote is None or self.project.git is None:
            return RemoteRefs({}, None)
        try:
            return ask(self.project.git.remote_base, self.remote)
        except CannotCheck as error:
            return error

    @cached_property
    def branch(self) -> str:
        refs = self.refs if isinstance(self.refs, RemoteRefs) else RemoteRefs({}, None)
        return release_branch(self.project, refs)

    @cached_property
    def commit(self) -> str | None:
        """The release's commit: that of the tag here, else on the remote."""
        there = self.refs.tag(self.wanted.tag) if isinstance(self.refs, RemoteRefs) else None
        return self.wanted.commit or there

    @cached_property
    def forge(self) -> Forge | None:
        repository = self.wanted.repository
        return None if repository is None else Forge(repository, find_token(repository))

    @cached_property
    def files(self) -> tuple[ServedFile, ...] | CannotCheck:
        """What the index serves of the version, or why it cannot be asked."""
        try:
            return release_files(self.wanted.name, self.wanted.version, self.wanted.index)
        except CannotCheck as error:
            return error

    @cached_property
    def checks(self) -> Checks | CannotCheck | None:
        """Everything that checked the commit; None where the forge has no such commit."""
        try:
            if self.forge is None or self.commit is None:
                return None
            return self.forge.checks(self.commit)
        except Refused as error:
            return None if error.status == 422 else error
        except CannotCheck as error:
            return error

    @cached_property
    def run(self) -> WorkflowRun | None:
        """The last run of the publishing workflow for the tag."""
        publishing = self.wanted.publishing
        if publishing is None or not isinstance(self.checks, Checks):
            return None
        runs = [
            run
            for run in self.checks.runs
            if run.file.rpartition("/")[2] == publishing.workflow and run.branch == self.wanted.tag
        ]
        return max(runs, key=lambda run: run.id, default=None)

    @cached_property
    def tagged(self) -> datetime | None:
        """When the tag was made, or its commit."""
        ref = f"refs/tags/{self.wanted.tag}"
        said = git(self.project.root, "for-each-ref", "--format=%(creatordate:iso-strict)", ref)
        return _time(said.stdout.strip())

    @cached_property
    def recent(self) -> bool:
        """Whether the last thing that happened is so fresh that more may be on its way."""
        times = [self.tagged, self.run.updated if self.run else None]
        if isinstance(self.files, tuple):
            times += [file.uploaded for file in self.files]
        known = [_aware(time) for time in times if time is not None]
        return bool(known) and self.now - max(known) < RECENT


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def observed(scene: Scene) -> Observation:
    """Everything that shows where a release stands; the scene may be asked for more afterwards."""
    with ThreadPoolExecutor(max_workers=3) as pool:
        for shared in ("refs", "files"):
            pool.submit(getattr, scene, shared)
    looks: Mapping[str, tuple[type[State], Callable[[Scene], Look[State]]]] = {
        "files": (Files, look_at_files),
        "local_tag": (LocalTag, look_at_local_tag),
        "remote_tag": (RemoteTag, look_at_remote_tag),
        "branch": (Branch, look_at_branch),
        "stated": (Stated, look_at_stated),
        "run": (Run, look_at_run),
        "index": (Index, look_at_index),
        "attestations": (Attestations, look_at_attestations),
        "forge": (ForgeRelease, look_at_forge_release),
        "image": (Image, look_at_image),
        "archive": (Archive, look_at_archive),
        "checks": (standing.Checks, look_at_checks),
    }
    wanted = scene.wanted
    return Observation(
        project=wanted.name,
        version=wanted.version,
        looks={name: _seen(scene, *look) for name, look in looks.items()},
        recent=scene.recent,
        later=_is_later_released(scene),
        names=_names(scene),
    )


def _seen(scene: Scene, kind: type[T], look: Callable[[Scene], Look[T]]) -> Look[T]:
    """An observation; one that could not be made where its kind has such a state."""
    try:
        return look(scene)
    except CannotCheck as error:
        if "UNKNOWN" not in kind.__members__:
            raise
        return Look(kind["UNKNOWN"], f"could not be looked at: {error.reason}", error.remedy)


def _is_later_released(scene: Scene) -> bool:
    number = parse(scene.wanted.version)
    published = {
        found
        for name, found in scene.project.released.items()
        if isinstance(scene.refs, RemoteRefs)
        and (scene.remote is None or scene.refs.tag_object(name) is not None)
    }
    return number is not None and any(found > number for found in published)


def _names(scene: Scene) -> Mapping[str, str]:
    """What the commands of steps are made of."""
    wanted, project, run = scene.wanted, scene.project, scene.run
    page = wanted.repository.page if wanted.repository else ""
    number = parse(wanted.version)
    candidate = number is not None and number.is_prerelease
    stated = parse(project.version or "") == number
    served = scene.files if isinstance(scene.files, tuple) else ()
    slug = wanted.repository.slug if wanted.repository else ""
    return {
        "version": wanted.version,
        "cut": wanted.version if stated or number is None else str(number),
        "next": "rc" if candidate else "patch",
        "tag": wanted.tag,
        "local_object": object_at(project, f"refs/tags/{wanted.tag}") or "",
        "message": f"{wanted.name} {wanted.version}",
        "remote": scene.remote or project.settings.remote,
        "branch": scene.branch,
        "run": str(run.id) if run else "RUN",
        "run_page": f"{page}/actions/runs/{run.id}" if run else page,
        "workflow": wanted.publishing.workflow if wanted.publishing else "WORKFLOW",
        "image": wanted.image or "",
        "archive_page": f"https://zenodo.org/account/settings/github/repository/{slug}",
        "files": " ".join(file.name for file in served) or "FILES",
    }


# --- the repository and its remote ----------------------------------------------------------------


def look_at_files(scene: Scene) -> Look[Files]:
    version = scene.project.version
    stated, wanted = parse(version or ""), parse(scene.wanted.version)
    if version is None or stated is None or wanted is None:
        tagged = wanted in scene.project.released_here.values()
        state = Files.STATED if tagged else Files.BEFORE
        return Look(state, "the version is its tag; no file states it")
    if stated == wanted:
        return Look(Files.STATED, f"they state {version}")
    return Look(Files.BEFORE if stated < wanted else Files.AFTER, f"they state {version}")


def look_at_local_tag(scene: Scene) -> Look[LocalTag]:
    tag, commit = scene.wanted.tag, scene.wanted.commit
    if commit is None:
        return Look(LocalTag.NONE, f"there is no {tag} here")
    return Look(LocalTag.THERE, f"{tag} is on {commit[:12]}")


def look_at_remote_tag(scene: Scene) -> Look[RemoteTag]:
    tag, remote = scene.wanted.tag, scene.remote
    if remote is None:
        name = scene.project.settings.remote
        return Look(RemoteTag.NO_REMOTE, f"there is no remote called {name}")
    if isinstance(scene.refs, CannotCheck):
        raise scene.refs
    there = scene.refs.tag_object(tag)
    if there is None:
        return Look(RemoteTag.NONE, f"{remote} does not have {tag}")
    here = object_at(scene.project, f"refs/tags/{tag}")
    if here is not None and here != there:
        known = scene.refs.tag(tag) or there
        return Look(
            RemoteTag.OTHER,
            f"{tag} is another tag on {remote}, on {known[:12]}",
        )
    return Look(RemoteTag.THERE, f"{remote} has {tag}")


def look_at_branch(scene: Scene) -> Look[Branch]:
    commit, branch, remote = scene.commit, scene.branch, scene.remote
    if isinstance(scene.refs, CannotCheck) or commit is None or remote is None:
        return Look(Branch.HOLDS, f"releases are made from {branch}")
    head = scene.refs.branch(branch)
    if head is None:
        return Look(Branch.BEHIND, f"{remote} has no branch {branch}")
    if contains(scene.project.root, head, commit) or _same_tree_below(scene, head, commit):
        return Look(Branch.HOLDS, f"{remote}/{branch} holds {commit[:12]}")
    if contains(scene.project.root, commit, head):
        return Look(Branch.BEHIND, f"{remote}/{branch} does not have {commit[:12]} yet")
    if not _is_here(scene.project, head):
        # Only what it moved on to tells whether it holds the commit.
        return Look(Branch.UNKNOWN, f"{remote}/{branch} is not fetched", f"git fetch {remote}")
    return Look(Branch.DIVERGED, f"{remote}/{branch} moved on without {commit[:12]}")


def _is_here(project: Project, commit: str) -> bool:
    return bool(object_of(project.root, f"{commit}^{{commit}}"))


def _same_tree_below(scene: Scene, head: str, commit: str) -> bool:
    """Whether a squashed or rebased merge brought the release's files onto the branch."""
    root = scene.project.root
    tree = git(root, "rev-parse", f"{commit}^{{tree}}", check=False).stdout.strip()
    log = ("log", "--no-show-signature", "--max-count=1000", "--format=%T")
    return bool(tree) and tree in git(root, *log, head, "--", check=False).stdout.split()


def look_at_stated(scene: Scene) -> Look[Stated]:
    """What the files at the tag say, where those of the checkout state the version now."""
    commit, version = scene.wanted.commit, scene.wanted.version
    if commit is None:
        return Look(Stated.AGREE, "nothing is tagged here")
    wanted = parse(version)
    places = [place for place in scene.project.version_places if place.path != CITATION]
    for place in (*places, VersionPlace(CITATION, None, "", "version")):
        found = _said_at(scene.project, commit, place)
        cited = place.path == CITATION
        # What is not a version elsewhere may lead to one, such as attr: in setup.cfg.
        if not found or wanted is None or not (cited or parse(found)):
            continue
        if not replace(place, value=found).holds(wanted):
            state = Stated.CITATION if cited else Stated.VERSION
            return Look(state, f"{place.path} at {scene.wanted.tag} says {found}")
    return Look(Stated.AGREE, f"they state {version}")


def _said_at(project: Project, commit: str, place: VersionPlace) -> str | None:
    """The version that a place has in a commit; None where it has none."""
    prefix = project.git.prefix if project.git else ""
    text = text_at(project.root, commit, f"{prefix}{place.path}")
    if text is None or place.path != CITATION:
        return None if text is None else reads(text, place)
    try:
        node = yaml.scalar(yaml.compose(text), place.label)
    except yaml.Malformed:
        return None
    return None if node is None else str(node.value)


# --- the forge ------------------------------------------------------------------------------------


def look_at_run(scene: Scene) -> Look[Run]:
    publishing, run = scene.wanted.publishing, scene.run
    if publishing is None:
        return Look(Run.NOT_EXPECTED, "no workflow publishes")
    if scene.forge is None:
        raise CannotCheck(NO_FORGE, "look at the run there")
    if isinstance(scene.checks, CannotCheck):
        raise scene.checks
    if run is None:
        if not publishing.by_tag:
            return Look(Run.BY_HAND, f"{publishing.workflow} was not started for the tag")
        return Look(Run.NONE, f"{publishing.workflow} has no run for {scene.wanted.tag}")
    jobs = scene.forge.jobs(run.id) if run.status == "completed" else ()
    state, said = run_state(run, jobs, publishing.job, signs=publishing.signs)
    return Look(state, f"{publishing.workflow} (run {run.id}) {said}")


def run_state(
    run: WorkflowRun, jobs: Sequence[CheckRun], publisher: str, *, signs: bool = True
) -> tuple[Run, str]:
    """How a run of the publishing workflow stands, and in words.

    `publisher` is what the forge calls the job that publishes, `signs` whether the workflow lets it
    ask for an identity, without which it can never publish.
    """
    if run.status == "waiting" or run.conclusion == "action_required":
        return Run.WAITING, "waits for an approval"
    if run.status != "completed":
        return Run.RUNNING, f"is {run.status.replace('_', ' ')}"
    if run.conclusion == "startup_failure":
        return Run.BROKEN, "could not start: the workflow at the tag is broken"
    own = [job for job in jobs if is_of(job.name, publisher)]
    published = bool(own) and all(job.conclusion == "success" for job in own)
    if run.conclusion == "success":
        if published or not jobs:
            return Run.SUCCEEDED, "succeeded"
        return Run.SKIPPED, f"is green, and its job {publisher} did not run"
    bad = [job.name for job in jobs if job.conclusion in {*STOPPED, "failure"}]
    where = f" ({', '.join(bad[:3])})" if bad else ""
    if published:
        return Run.FAILED_AFTER, f"failed after it had published{where}"
    if run.conclusion in STOPPED:
        return Run.STOPPED, f"was {run.conclusion.replace('_', ' ')}{where}"
    if any(job.conclusion == "failure" for job in own):
        if not signs:
            return Run.BROKEN, f"failed: at the tag {publisher} lacks id-token: write"
        return Run.FAILED_PUBLISHING, f"failed when it published{where}"
    return Run.FAILED, f"failed before it published{where}"


def look_at_checks(scene: Scene) -> Look[standing.Checks]:
    if scene.forge is None or scene.commit is None:
        return Look(standing.Checks.NOT_EXPECTED, "no forge checks it")
    if isinstance(scene.checks, CannotCheck):
        raise scene.checks
    if scene.checks is None:
        return Look(standing.Checks.NOT_EXPECTED, "the forge does not have the commit")
    return checks_state(scene.checks, scene.wanted.tag)


def checks_state(checks: Checks, tag: str) -> Look[standing.Checks]:
    """How the checks of a commit stand, but for those of its tag's own runs."""
    # What a person started is no check of it.
    runs = [run for run in checks.runs if run.branch != tag and not run.event.endswith("_dispatch")]
    units = read_units(replace(checks, runs=tuple(runs)), "", None, frozenset(), {}, named=False)
    counting = [unit for unit in units if unit.kind != "job"]
    if not counting:
        return Look(standing.Checks.NOT_EXPECTED, "nothing checked it")
    for state in (standing.Checks.RED, standing.Checks.RUNNING):
        found = [unit.names[0] for unit in counting if unit.state == state.name.lower()]
        if found:
            return Look(state, f"{state.name.lower()}: {', '.join(dict.fromkeys(found))}")
    return Look(standing.Checks.GREEN, f"{len(counting)} green")


def look_at_forge_release(scene: Scene) -> Look[ForgeRelease]:
    if scene.forge is None or scene.commit is None:
        return Look(ForgeRelease.NOT_EXPECTED, "no forge has releases of it")
    release = scene.forge.release(scene.wanted.tag)
    if release is None and not _makes_releases(scene):
        return Look(ForgeRelease.NOT_EXPECTED, "this project makes none")
    return forge_state(release, scene.files if isinstance(scene.files, tuple) else ())


def _makes_releases(scene: Scene) -> bool:
    """Whether an earlier version of the project has a release on the forge."""
    assert scene.forge is not None
    number = parse(scene.wanted.version)
    older = [
        (found, tag)
        for tag, found in scene.project.released.items()
        if number is not None and found < number and not found.is_prerelease
    ]
    return bool(older) and scene.forge.release(max(older)[1]) is not None


def forge_state(release: Release | None, files: Sequence[ServedFile]) -> Look[ForgeRelease]:
    """How the forge's release stands beside the files of the index."""
    if release is None:
        return Look(ForgeRelease.NONE, "there is none, or it is not shown")
    if release.draft:
        return Look(ForgeRelease.DRAFT, "it is a draft, which nobody sees")
    assets = {asset.name: asset.sha256 for asset in release.assets}
    shared = [file for file in files if file.name in assets]
    other = [
        file.name
        for file in shared
        if file.sha256 and assets[file.name] and file.sha256 != assets[file.name]
    ]
    if other:
        said = f"it has other bytes than the index: {', '.join(other)}"
        return Look(ForgeRelease.DIFFERENT, said)
    lacking = [file.name for file in files if file.name not in assets]
    if shared and lacking:
        return Look(ForgeRelease.INCOMPLETE, f"it lacks {', '.join(lacking)}")
    untold = [file.name for file in shared if not assets[file.name]]
    more = f"; {len(untold)} of them without a digest to compare" if untold else ""
    return Look(ForgeRelease.COMPLETE, f"{release.page} ({len(assets)} files{more})")


# --- index, image, archive ------------------------------------------------------------------------


def look_at_index(scene: Scene) -> Look[Index]:
    if not scene.project.settings.publish:
        return Look(Index.NOT_EXPECTED, "it goes to no index")
    if isinstance(scene.files, CannotCheck):
        raise scene.files
    return index_state(scene.files, scene.wanted, scene.now)


def index_state(files: Sequence[ServedFile], wanted: Expected, now: datetime) -> Look[Index]:
    """How the files that an index serves stand beside those that were built."""
    if not files:
        return Look(Index.NONE, f"it has no {wanted.version}")
    served = {file.name: file for file in files}
    built = wanted.digests or {}
    if all(file.yanked for file in files):
        return Look(Index.YANKED, f"{wanted.version} is yanked")
    other = [
        name
        for name, digest in built.items()
        if name in served and served[name].sha256 not in {None, digest}
    ]
    strange = sorted(served.keys() - built.keys()) if built else []
    if other or strange:
        what = f"other bytes of {', '.join(other)}" if other else f"{', '.join(strange)} as well"
        return Look(Index.DIFFERENT, f"it serves {what}, which build did not make")
    missing = sorted(built.keys() - served.keys())
    if missing:
        said = f"it lacks {', '.join(missing)}"
        uploaded = [_aware(file.uploaded) for file in files if file.uploaded is not None]
        if uploaded and now - min(uploaded) > WINDOW:
            return Look(Index.CLOSED, f"{said}, and takes no more after {WINDOW.days} days")
        return Look(Index.PARTIAL, said)
    number = "1 file" if len(files) == 1 else f"{len(files)} files"
    compared = f"as in {wanted.source}" if built else "not compared: no evidence of build here"
    return Look(Index.COMPLETE, f"{number}, {compared}")


def look_at_attestations(scene: Scene) -> Look[Attestations]:
    """Whether every file has one, filed under the expected publisher; `verify` verifies them."""
    wanted = scene.wanted
    if isinstance(scene.files, CannotCheck):
        raise scene.files
    if not scene.files:
        state = Attestations.MISSING if wanted.promised else Attestations.NOT_EXPECTED
        return Look(state, "there are no files yet")
    found = provenances(wanted.name, wanted.version, scene.files, wanted.index)
    return attestations_state([file.name for file in scene.files], found, wanted)


def attestations_state(
    names: Sequence[str], found: Mapping[str, Any], wanted: Expected
) -> Look[Attestations]:
    """How the provenance objects of files stand."""
    by_file = {name: publishers_in(found[name], name) if name in found else () for name in names}
    repository = wanted.repository.slug if wanted.repository else None
    workflow = wanted.publishing.workflow if wanted.publishing else None
    for name, publishers in by_file.items():
        for one in publishers:
            by = f"{name} was published from {one.repository or one.kind}, {one.workflow}"
            other = repository is not None and one.repository.lower() != repository.lower()
            if other or (workflow is not None and one.workflow != workflow):
                return Look(Attestations.WRONG, by)
    bare = [name for name, publishers in by_file.items() if not publishers]
    if bare and wanted.promised:
        return Look(Attestations.MISSING, f"none of {', '.join(bare)}")
    if len(bare) == len(by_file):
        return Look(Attestations.NOT_EXPECTED, "none are promised")
    return Look(Attestations.COMPLETE, "there, and verified by nox -s verify")


def look_at_image(scene: Scene) -> Look[Image]:
    image = scene.wanted.image
    if image is None:
        return Look(Image.NOT_EXPECTED, "no image is published")
    return image_state(image, labels_of(image), scene.commit)


def image_state(image: str, labels: Mapping[str, str] | None, commit: str | None) -> Look[Image]:
    """How an image stands, by its labels, beside the commit that it is to be built of."""
    if labels is None:
        return Look(Image.NONE, f"the registry has no {image}")
    revision = labels.get(REVISION)
    if revision is not None and commit is not None and revision != commit:
        said = f"{image} was built of {revision[:12]}, not of {commit[:12]}"
        return Look(Image.WRONG, said)
    return Look(Image.THERE, image if revision else f"{image}, which does not say of what commit")


def look_at_archive(scene: Scene) -> Look[Archive]:
    wanted = scene.wanted
    if not wanted.archive:
        return Look(Archive.NOT_EXPECTED, "no archive takes it")
    if wanted.repository is None:
        raise CannotCheck(NO_FORGE, "look at Zenodo by hand")
    return archive_state(doi_of(wanted.repository.page, wanted.tag), wanted.tag)


def archive_state(doi: str | None, tag: str) -> Look[Archive]:
    """How the archive's record of a tag stands."""
    if doi is None:
        return Look(Archive.NONE, f"Zenodo has no record of {tag}")
    return Look(Archive.THERE, doi)
