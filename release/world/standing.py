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


@dataclass(frozen=True, slots=True)
class Next:
    """A step, and the observation (a field of States) that it is about."""

    step: Step
    about: str


@dataclass(frozen=True, slots=True)
class Rule:
    """The next step, None for what the recovery policy says, where all of `states` were seen."""

    step: Step | None
    about: str
    states: tuple[tuple[str, tuple[State | bool, ...]], ...]

    def applies(self, seen: States) -> bool:
        for name, states in self.states:  # noqa: SIM110 (a generator takes four times as long)
            if getattr(seen, name) not in states:
                return False
        return True


def _when(step: Step | None, about: str, **states: State | bool | tuple[State, ...]) -> Rule:
    """A rule for the states of some observations, one or any of several each."""
    seen = {name: one if isinstance(one, tuple) else (one,) for name, one in states.items()}
    return Rule(step, about, tuple(seen.items()))


# A tag that is only here, and one that is nowhere.
UNPUSHED: Mapping[str, Any] = {"remote_tag": RemoteTag.NONE, "local_tag": LocalTag.THERE}
UNTAGGED: Mapping[str, Any] = {
    "remote_tag": (RemoteTag.NONE, RemoteTag.NO_REMOTE),
    "local_tag": LocalTag.NONE,
}
PUBLISHED = (Index.PARTIAL, Index.CLOSED, Index.COMPLETE, Index.DIFFERENT, Index.YANKED)
NOT_ALL = (Index.NONE, Index.PARTIAL)
# The jobs that failed can be run again; what the others made is kept.
REPEATABLE = (Run.FAILED, Run.STOPPED, Run.FAILED_PUBLISHING, Run.FAILED_AFTER)
ENDED_WELL = (Run.SUCCEEDED, Run.FAILED_AFTER)
UNFINISHED = (
    ForgeRelease.NONE,
    ForgeRelease.DRAFT,
    ForgeRelease.INCOMPLETE,
    ForgeRelease.DIFFERENT,
)
# What a run makes beside the files, in the states that nobody else has seen anything of.
MADE: Mapping[str, tuple[State, ...]] = {
    "forge": (ForgeRelease.NONE, ForgeRelease.NOT_EXPECTED, ForgeRelease.DRAFT),
    "image": (Image.NONE, Image.NOT_EXPECTED),
    "archive": (Archive.NONE, Archive.NOT_EXPECTED),
}


def _by_the_run(about: str, *states: State) -> tuple[Rule, ...]:
    """What the workflow still does, or does once its failed jobs run again."""
    lacking: Mapping[str, Any] = {about: states}
    return (
        _when(Step.LOOK, "run", **lacking, run=Run.UNKNOWN),
        _when(Step.WAIT, "run", **lacking, run=Run.RUNNING),
        _when(Step.APPROVE, "run", **lacking, run=Run.WAITING),
        _when(Step.RERUN, "run", **lacking, run=REPEATABLE),
        _when(Step.WAIT, about, **lacking, run=Run.SUCCEEDED, recent=True),
    )


# The first that applies tells the next step.
RULES = (
    # Before the tag is pushed.
    _when(Step.LOOK, "remote_tag", remote_tag=RemoteTag.UNKNOWN),
    _when(Step.LOOK, "branch", **UNPUSHED, branch=Branch.UNKNOWN),
    _when(Step.ABANDON, "branch", **UNPUSHED, branch=Branch.DIVERGED),
    _when(Step.PUSH, "remote_tag", **UNPUSHED),
    _when(Step.LOOK, "index", **UNTAGGED, index=Index.UNKNOWN),
    _when(Step.TAG_PUBLISHED, "index", **UNTAGGED, index=PUBLISHED),
    _when(Step.ABANDONED, "files", **UNTAGGED, files=Files.AFTER),
    _when(Step.ABANDONED, "files", **UNTAGGED, later=True),
    _when(Step.CUT, "local_tag", **UNTAGGED),
    # The tag, here and there, and the branch.
    _when(Step.TAKE_TAG, "remote_tag", remote_tag=RemoteTag.OTHER),
    _when(Step.FETCH_TAG, "local_tag", local_tag=LocalTag.NONE),
    _when(Step.LOOK, "branch", remote_tag=RemoteTag.THERE, branch=Branch.UNKNOWN),
    _when(Step.BRANCH, "branch", remote_tag=RemoteTag.THERE, branch=Branch.BEHIND),
    _when(Step.BRANCH, "branch", remote_tag=RemoteTag.THERE, branch=Branch.DIVERGED),
    # What the index has that nothing can be added to.
    _when(Step.LOOK, "index", index=Index.UNKNOWN),
    _when(Step.PATCH, "index", index=(Index.CLOSED, Index.YANKED)),
    _when(Step.YANK, "index", index=Index.DIFFERENT),
    # A tag is never deleted beneath a run that may be publishing it.
    _when(Step.LOOK, "run", index=NOT_ALL, run=Run.UNKNOWN),
    _when(Step.WAIT, "run", index=NOT_ALL, run=Run.RUNNING),
    # Nothing is published.
    _when(Step.WAIT, "run", index=Index.NONE, run=Run.NONE, recent=True),
    _when(Step.WAIT, "index", index=Index.NONE, run=ENDED_WELL, recent=True),
    # It may have been published and deleted, and a deleted name is never taken again.
    _when(Step.PATCH, "index", index=Index.NONE, run=ENDED_WELL),
    _when(Step.CANCEL, "stated", index=Index.NONE, stated=Stated.VERSION, run=Run.WAITING),
    _when(None, "stated", index=Index.NONE, stated=Stated.VERSION),
    _when(Step.CANCEL, "checks", index=Index.NONE, checks=Checks.RED, run=Run.WAITING),
    _when(None, "checks", index=Index.NONE, checks=Checks.RED),
    _when(Step.APPROVE, "run", index=Index.NONE, run=Run.WAITING),
    _when(Step.RERUN, "run", index=Index.NONE, run=(Run.STOPPED, Run.FAILED_PUBLISHING)),
    _when(Step.START, "run", index=Index.NONE, run=Run.BY_HAND),
    _when(Step.PUBLISH, "run", index=Index.NONE, run=Run.NOT_EXPECTED),
    _when(None, "run", index=Index.NONE),
    # Some files are.
    _when(Step.YANK, "stated", index=Index.PARTIAL, stated=Stated.VERSION),
    _when(Step.APPROVE, "run", index=Index.PARTIAL, run=Run.WAITING),
    _when(Step.WAIT, "index", index=Index.PARTIAL, run=ENDED_WELL, recent=True),
    _when(Step.RERUN, "run", index=Index.PARTIAL, run=REPEATABLE),
    _when(Step.PUBLISH, "index", index=Index.PARTIAL),
    # All files are. No attestation can be added to one that is there, but it may be shown later.
    _when(Step.LOOK, "attestations", attestations=Attestations.UNKNOWN),
    _when(Step.YANK, "attestations", attestations=Attestations.WRONG),
    _when(Step.WAIT, "attestations", attestations=Attestations.MISSING, recent=True),
    _when(Step.PATCH, "attestations", attestations=Attestations.MISSING),
    _when(Step.PATCH, "stated", stated=(Stated.VERSION, Stated.CITATION)),
    _when(Step.LOOK, "checks", checks=Checks.UNKNOWN),
    _when(Step.WAIT, "checks", checks=Checks.RUNNING),
    _when(Step.PATCH, "checks", checks=Checks.RED),
    _when(Step.LOOK, "forge", forge=ForgeRelease.UNKNOWN),
    *_by_the_run("forge", *UNFINISHED),
    _when(Step.CREATE_RELEASE, "forge", forge=ForgeRelease.NONE),
    _when(Step.PUBLISH_DRAFT, "forge", forge=ForgeRelease.DRAFT),
    _when(Step.ATTACH, "forge", forge=(ForgeRelease.INCOMPLETE, ForgeRelease.DIFFERENT)),
    _when(Step.LOOK, "image", image=Image.UNKNOWN),
    _when(Step.PATCH, "image", image=Image.WRONG),
    *_by_the_run("image", Image.NONE),
    _when(Step.PUSH_IMAGE, "image", image=Image.NONE),
    _when(Step.LOOK, "archive", archive=Archive.UNKNOWN),
    _when(Step.WAIT, "archive", archive=Archive.NONE, recent=True),
    _when(Step.ARCHIVE, "archive", archive=Archive.NONE),
    _when(Step.NOTHING, "index"),
)


def next_step(seen: States, recovery: Recovery) -> Next:
    """The one next safe step of a release in these states."""
    rule = next(rule for rule in RULES if rule.applies(seen))
    step = rule.step
    if step is None:
        unknown = [name for name in MADE if getattr(seen, name).name == "UNKNOWN"]
        if recovery == "retag" and not seen.later and unknown:
            return Next(Step.LOOK, unknown[0])
        step = Step.RETAG if recovery == "retag" and _is_bare(seen) else Step.PATCH
    if seen.later and step in {Step.RETAG, Step.PATCH}:
        step = Step.ABANDONED
    return Next(step, rule.about)


def _is_bare(seen: States) -> bool:
    """Whether nothing but the tag was made of it that anybody may have seen."""
    return all(getattr(seen, name) in unseen for name, unseen in MADE.items())


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
