"""Where one release stands, and the one next safe step. Pure: decides by what was observed alone.

What could not be looked at is a state of its own, and is never taken for absent: where a decision
hangs on it, the step is to make it visible. A step is only taken once what it relies on is known.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, Literal, TypeVar

Recovery = Literal["patch", "retag"]


# How an observation is marked: good news, bad news, not to be seen, beside the point or not there.
GOOD, BAD, OPEN, ASIDE = "✓", "✗", "?", "–"


class State(Enum):
    """What one observation may show, in words, and how it is marked."""

    def __init__(self, _words: str, mark: str = ASIDE) -> None:
        self.mark = mark


class Files(State):
    """The version that the files of the checkout state, beside the one that is asked about."""

    BEFORE = "an earlier version"
    STATED = "this version", GOOD
    AFTER = "a later version"


class LocalTag(State):
    NONE = "none"
    THERE = "there", GOOD


class RemoteTag(State):
    UNKNOWN = "unknown", OPEN
    NO_REMOTE = "no remote"
    NONE = "none"
    THERE = "there", GOOD
    OTHER = "another object than the local one", BAD


class Branch(State):
    """Whether the release branch of the remote holds the release's commit."""

    UNKNOWN = "unknown", OPEN
    HOLDS = "holds it", GOOD
    BEHIND = "could take it"
    DIVERGED = "moved on without it", BAD


class Stated(State):
    """What the files at the tag state."""

    AGREE = "agree", GOOD
    VERSION = "another version", BAD
    CITATION = "another version to be cited", BAD


class Run(State):
    """The run of the workflow that publishes."""

    UNKNOWN = "unknown", OPEN
    NOT_EXPECTED = "no workflow publishes"
    BY_HAND = "started by a person"
    NONE = "none"
    RUNNING = "running"
    WAITING = "waiting for an approval"
    FAILED = "failed before it published", BAD
    STOPPED = "cancelled or timed out", BAD
    FAILED_PUBLISHING = "failed when it published", BAD
    FAILED_AFTER = "failed after it published", BAD
    BROKEN = "cannot run: the workflow at the tag is broken", BAD
    SKIPPED = "green, and skipped publishing", BAD
    SUCCEEDED = "succeeded", GOOD


class Index(State):
    UNKNOWN = "unknown", OPEN
    NOT_EXPECTED = "goes to no index"
    NONE = "none"
    PARTIAL = "some files"
    CLOSED = "some files, and no more are taken", BAD
    COMPLETE = "every file", GOOD
    DIFFERENT = "other bytes than were built", BAD
    YANKED = "yanked", BAD


class Attestations(State):
    UNKNOWN = "unknown", OPEN
    NOT_EXPECTED = "none promised"
    MISSING = "missing", BAD
    WRONG = "of somebody else", BAD
    COMPLETE = "for every file", GOOD


class ForgeRelease(State):
    UNKNOWN = "unknown", OPEN
    NOT_EXPECTED = "none expected"
    NONE = "none"
    DRAFT = "a draft"
    INCOMPLETE = "files are missing"
    DIFFERENT = "other bytes than the index", BAD
    COMPLETE = "complete", GOOD


class Image(State):
    UNKNOWN = "unknown", OPEN
    NOT_EXPECTED = "none expected"
    NONE = "none"
    WRONG = "of another commit", BAD
    THERE = "there", GOOD


class Archive(State):
    UNKNOWN = "unknown", OPEN
    NOT_EXPECTED = "none expected"
    NONE = "none"
    THERE = "there", GOOD


class Checks(State):
    """The forge's checks of the released commit."""

    UNKNOWN = "unknown", OPEN
    NOT_EXPECTED = "none expected"
    RUNNING = "running"
    RED = "red", BAD
    GREEN = "green", GOOD


@dataclass(frozen=True, slots=True)
class States:
    """Everything that the next step is decided by.

    `recent` says that the last event (push or run) is so fresh that what is not there may still be
    on its way, `later` that a higher version was released.
    """

    files: Files
    local_tag: LocalTag
    remote_tag: RemoteTag
    branch: Branch
    stated: Stated
    run: Run
    index: Index
    attestations: Attestations
    forge: ForgeRelease
    image: Image
    archive: Archive
    checks: Checks
    recent: bool
    later: bool


class Step(Enum):
    """What is to be done next: one thing."""

    NOTHING = "finished"
    ABANDONED = "abandoned"
    LOOK = "look"
    WAIT = "wait"
    CUT = "cut"
    PUSH = "push the tag"
    ABANDON = "take back"
    TAG_PUBLISHED = "tag what is published"
    FETCH_TAG = "fetch the tag"
    TAKE_TAG = "take the remote's tag"
    BRANCH = "push the branch"
    APPROVE = "approve"
    CANCEL = "cancel the run"
    RERUN = "re-run failed jobs"
    START = "start the workflow"
    PUBLISH = "publish"
    RETAG = "delete the tag and tag again"
    PATCH = "release a patch"
    YANK = "yank"
    CREATE_RELEASE = "create the forge's release"
    PUBLISH_DRAFT = "publish the draft"
    ATTACH = "attach the files"
    PUSH_IMAGE = "push the image"
    ARCHIVE = "archive"


# Nothing is left to do: the release is whole, or a later one took its place.
ENDS = frozenset([Step.NOTHING, Step.ABANDONED])
# Only this repository changes, and what was there before can be had back.
LOCAL = frozenset([Step.FETCH_TAG, Step.TAKE_TAG, Step.ABANDON])
PUBLISHED = frozenset([Index.PARTIAL, Index.CLOSED, Index.COMPLETE, Index.DIFFERENT, Index.YANKED])
# The jobs that failed can be run again; what the others made is kept.
REPEATABLE = frozenset([Run.FAILED, Run.STOPPED, Run.FAILED_PUBLISHING, Run.FAILED_AFTER])
ENDED_WELL = frozenset([Run.SUCCEEDED, Run.FAILED_AFTER])


@dataclass(frozen=True, slots=True)
class Next:
    """A step, and the observation (a field of States) that it is about."""

    step: Step
    about: str


def next_step(seen: States, recovery: Recovery) -> Next:
    """The one next safe step of a release in these states."""
    for rule in (_before_the_tag, _of_the_tag, _of_the_index, _after_the_upload):
        found = rule(seen, recovery)
        if found is not None:
            return found
    return Next(Step.NOTHING, "index")


def _before_the_tag(seen: States, _recovery: Recovery) -> Next | None:
    if seen.remote_tag is RemoteTag.UNKNOWN:
        return Next(Step.LOOK, "remote_tag")
    if seen.remote_tag in {RemoteTag.THERE, RemoteTag.OTHER}:
        return None
    if seen.local_tag is LocalTag.THERE:
        return _unpushed(seen)
    if seen.index is Index.UNKNOWN:
        return Next(Step.LOOK, "index")
    if seen.index in PUBLISHED:
        return Next(Step.TAG_PUBLISHED, "index")
    if seen.files is Files.AFTER or seen.later:
        return Next(Step.ABANDONED, "files")
    return Next(Step.CUT, "local_tag")


def _unpushed(seen: States) -> Next | None:
    if seen.remote_tag is RemoteTag.NO_REMOTE:
        return None
    if seen.branch is Branch.UNKNOWN:
        return Next(Step.LOOK, "branch")
    if seen.branch is Branch.DIVERGED:
        return Next(Step.ABANDON, "branch")
    return Next(Step.PUSH, "remote_tag")


def _of_the_tag(seen: States, _recovery: Recovery) -> Next | None:
    if seen.remote_tag is RemoteTag.OTHER:
        return Next(Step.TAKE_TAG, "remote_tag")
    if seen.local_tag is LocalTag.NONE:
        return Next(Step.FETCH_TAG, "local_tag")
    if seen.branch is Branch.HOLDS or seen.remote_tag is RemoteTag.NO_REMOTE:
        return None
    return Next(Step.LOOK if seen.branch is Branch.UNKNOWN else Step.BRANCH, "branch")


def _of_the_index(seen: States, recovery: Recovery) -> Next | None:
    match seen.index:
        case Index.UNKNOWN:
            return Next(Step.LOOK, "index")
        case Index.NONE:
            return _unpublished(seen, recovery)
        case Index.PARTIAL:
            return _half_published(seen)
        case Index.CLOSED | Index.YANKED:
            return _patch(seen, "index")
        case Index.DIFFERENT:
            return Next(Step.YANK, "index")
        case _:
            return None


def _under_way(seen: States) -> Next | None:
    """The run that publishes is not at its end, or not known to be."""
    if seen.run is Run.UNKNOWN:
        return Next(Step.LOOK, "run")
    if seen.run is Run.RUNNING:
        return Next(Step.WAIT, "run")
    return None


def _unpublished(seen: States, recovery: Recovery) -> Next:
    # A tag is never deleted beneath a run that may be publishing it.
    under_way = _under_way(seen)
    if under_way is not None:
        return under_way
    if seen.recent and (seen.run is Run.NONE or seen.run in ENDED_WELL):
        return Next(Step.WAIT, "index" if seen.run in ENDED_WELL else "run")
    if seen.run in ENDED_WELL:
        # It may have been published and deleted, and a deleted name is never taken again.
        return _patch(seen, "index")
    wrong = "stated" if seen.stated is Stated.VERSION else "checks"
    if seen.stated is Stated.VERSION or seen.checks is Checks.RED:
        return Next(Step.CANCEL, wrong) if seen.run is Run.WAITING else _undo(seen, recovery, wrong)
    simple = {
        Run.WAITING: Step.APPROVE,
        Run.STOPPED: Step.RERUN,
        Run.FAILED_PUBLISHING: Step.RERUN,
        Run.BY_HAND: Step.START,
        Run.NOT_EXPECTED: Step.PUBLISH,
    }
    if seen.run in simple:
        return Next(simple[seen.run], "run")
    return _undo(seen, recovery, "run")


def _half_published(seen: States) -> Next:
    under_way = _under_way(seen)
    if under_way is not None:
        return under_way
    if seen.stated is Stated.VERSION:
        return Next(Step.YANK, "stated")
    if seen.run is Run.WAITING:
        return Next(Step.APPROVE, "run")
    if seen.recent and seen.run in ENDED_WELL:
        return Next(Step.WAIT, "index")
    if seen.run in REPEATABLE:
        return Next(Step.RERUN, "run")
    return Next(Step.PUBLISH, "index")


def _undo(seen: States, recovery: Recovery, about: str) -> Next:
    """A pushed tag that nothing was published for: by the project's policy."""
    if recovery == "patch" or seen.later:
        return _patch(seen, about)
    for field in ("forge", "image", "archive"):
        if getattr(seen, field).name == "UNKNOWN":
            return Next(Step.LOOK, field)
    bare = (
        seen.forge in {ForgeRelease.NONE, ForgeRelease.NOT_EXPECTED, ForgeRelease.DRAFT}
        and seen.image in {Image.NONE, Image.NOT_EXPECTED}
        and seen.archive in {Archive.NONE, Archive.NOT_EXPECTED}
    )
    return Next(Step.RETAG, about) if bare else _patch(seen, about)


def _patch(seen: States, about: str) -> Next:
    return Next(Step.ABANDONED if seen.later else Step.PATCH, about)


# What follows once the files are there; of these states, a patch, or what the run may still do.
AFTER: Mapping[State, Step] = {
    Attestations.WRONG: Step.YANK,
    Checks.RUNNING: Step.WAIT,
    ForgeRelease.NONE: Step.CREATE_RELEASE,
    ForgeRelease.DRAFT: Step.PUBLISH_DRAFT,
    ForgeRelease.INCOMPLETE: Step.ATTACH,
    ForgeRelease.DIFFERENT: Step.ATTACH,
    Image.NONE: Step.PUSH_IMAGE,
    Archive.NONE: Step.ARCHIVE,
    # None can be added to a file that is there.
    **dict.fromkeys([Attestations.MISSING, Stated.VERSION, Stated.CITATION], Step.PATCH),
    **dict.fromkeys([Checks.RED, Image.WRONG], Step.PATCH),
}
# A little later they may be there by themselves.
LATE = frozenset([Attestations.MISSING, Archive.NONE])


def _after_the_upload(seen: States, _recovery: Recovery) -> Next | None:
    for about in ("attestations", "stated", "checks", "forge", "image", "archive"):
        state: State = getattr(seen, about)
        if state.name == "UNKNOWN":
            return Next(Step.LOOK, about)
        if state in AFTER:
            return _left(seen, state, about)
    return None


def _left(seen: States, state: State, about: str) -> Next:
    if state in LATE and seen.recent:
        return Next(Step.WAIT, about)
    if AFTER[state] is Step.PATCH:
        return _patch(seen, about)
    by_run = isinstance(state, ForgeRelease | Image)
    return (by_run and _by_the_run(seen, about)) or Next(AFTER[state], about)


def _by_the_run(seen: States, about: str) -> Next | None:
    """What the workflow still does, or does once its failed jobs run again."""
    under_way = _under_way(seen)
    if under_way is not None:
        return under_way
    if seen.run is Run.WAITING:
        return Next(Step.APPROVE, "run")
    if seen.run in REPEATABLE:
        return Next(Step.RERUN, "run")
    if seen.recent and seen.run is Run.SUCCEEDED:
        return Next(Step.WAIT, about)
    return None


S_co = TypeVar("S_co", bound=State, covariant=True)


@dataclass(frozen=True, slots=True)
class Look(Generic[S_co]):
    """One observation: its state, and in a sentence what was seen.

    `remedy` says what would make it visible where it could not be looked at.
    """

    state: S_co
    said: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What the world shows of one version: `looks` are by the fields of States.

    `names` are those that commands need.
    """

    project: str
    version: str
    looks: Mapping[str, Look[State]]
    recent: bool
    later: bool
    names: Mapping[str, str]

    def states(self) -> States:
        """The states alone."""
        states: dict[str, Any] = {name: look.state for name, look in self.looks.items()}
        return States(**states, recent=self.recent, later=self.later)


@dataclass(frozen=True, slots=True)
class Standing:
    """A release as it stands: what was seen, the next step, why, and what to type for it.

    `commands` is empty where nothing can be typed.
    """

    observation: Observation
    step: Step
    why: str
    what: str
    commands: tuple[str, ...]

    @property
    def ended(self) -> bool:
        return self.step in ENDS


# What to do, and the commands for it, with the names of an observation in braces.
TEXTS: Mapping[Step, tuple[str, tuple[str, ...]]] = {
    Step.NOTHING: ("nothing is left to do", ()),
    Step.ABANDONED: ("nothing is left to do: a later release takes its place", ()),
    Step.LOOK: ("it could not be looked at, and the next step hangs on it: {remedy}", ()),
    Step.WAIT: ("wait a few minutes, and look again", ("nox -s status -- {version}",)),
    Step.CUT: ("release it", ("nox -s cut -- {cut}",)),
    Step.PUSH: ("push the commit and the tag together", ("nox -s tag",)),
    Step.ABANDON: (
        "take the release back, bring the branch up to date, and release again",
        ("nox -s cut -- --abandon",),
    ),
    Step.TAG_PUBLISHED: (
        "tag the commit that it was built from, so that the source of what is published is known",
        (
            "git tag --annotate --message {message} {tag} COMMIT",
            "git push {remote} refs/tags/{tag}",
        ),
    ),
    Step.FETCH_TAG: (
        "fetch the tag",
        ("git fetch --no-tags {remote} refs/tags/{tag}:refs/tags/{tag}",),
    ),
    Step.TAKE_TAG: (
        "take the published tag in place of the local one, which nobody else has",
        ("git fetch --no-tags --force {remote} refs/tags/{tag}:refs/tags/{tag}",),
    ),
    Step.BRANCH: (
        "make the tagged commit part of the release branch; the tag stays",
        (
            "git switch {branch}",
            "git pull --no-rebase {remote} {branch}",
            "git merge {tag}",
            "git push {remote} {branch}",
        ),
    ),
    Step.APPROVE: ("look at what was built, and approve it: {run_page}", ()),
    Step.CANCEL: ("do not approve it: cancel the run", ("gh run cancel {run}",)),
    Step.RERUN: (
        (
            "re-run the failed jobs, never all of them: what was built is what is published. If the"
            " index said invalid-publisher, or there is no such environment, set up first what"
            " nox -s setup names"
        ),
        ("gh run rerun {run} --failed",),
    ),
    Step.START: ("start the workflow for the tag", ("gh workflow run {workflow} --ref {tag}",)),
    Step.PUBLISH: (
        "upload the files that build made of the tagged commit; those that are there stay",
        ("nox -s publish -- --index UPLOAD_ADDRESS",),
    ),
    Step.RETAG: (
        "nothing is published: delete the tag, fix the cause on {branch}, and tag again",
        (
            "git push {remote} --delete refs/tags/{tag}",
            "git tag --delete {tag}",
            "nox -s cut -- {version}",
        ),
    ),
    Step.PATCH: (
        "leave the tag where it is, fix the cause on {branch}, and release the next version",
        ("nox -s cut -- {next}",),
    ),
    Step.YANK: (
        (
            "yank {version} on the index (Manage, Releases, Options): new installations pass it"
            " over, and pins go on working"
        ),
        (),
    ),
    Step.CREATE_RELEASE: (
        "create the forge's release from the tag, with the files that the index serves",
        (
            "gh release create {tag} --verify-tag --draft --title {tag} --notes-from-tag {files}",
            "gh release edit {tag} --draft=false",
        ),
    ),
    Step.PUBLISH_DRAFT: (
        "look at the draft, and publish it",
        ("gh release edit {tag} --draft=false",),
    ),
    Step.ATTACH: (
        "attach the files that the index serves",
        ("gh release upload {tag} --clobber {files}",),
    ),
    Step.PUSH_IMAGE: ("build the image of the tagged commit and push it as {image}", ()),
    Step.ARCHIVE: (
        (
            "see whether the archive takes this repository's releases ({archive_page}), and archive"
            " this one by hand there"
        ),
        (),
    ),
}


def stand(observation: Observation, recovery: Recovery) -> Standing:
    """Where a release stands under a project's recovery policy."""
    found = next_step(observation.states(), recovery)
    about = observation.looks[found.about]
    what, commands = TEXTS[found.step]
    said = {**observation.names, "remedy": about.remedy or "look at it by hand"}
    quoted = {name: shlex.quote(text) for name, text in said.items()}
    return Standing(
        observation,
        found.step,
        about.said,
        what.format_map(said),
        tuple(command.format_map({**quoted, "files": said["files"]}) for command in commands),
    )
