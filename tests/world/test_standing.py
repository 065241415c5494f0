"""Every reachable combination of what can be observed has one step, and the steps end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from typing import Any

import pytest

from release.world.standing import (
    ENDS,
    LOCAL,
    TEXTS,
    Archive,
    Attestations,
    Branch,
    Checks,
    Files,
    ForgeRelease,
    Image,
    Index,
    LocalTag,
    Look,
    Next,
    Observation,
    Recovery,
    RemoteTag,
    Run,
    Stated,
    States,
    Step,
    next_step,
    stand,
)

WHOLE = States(
    files=Files.STATED,
    local_tag=LocalTag.THERE,
    remote_tag=RemoteTag.THERE,
    branch=Branch.HOLDS,
    stated=Stated.AGREE,
    run=Run.SUCCEEDED,
    index=Index.COMPLETE,
    attestations=Attestations.COMPLETE,
    forge=ForgeRelease.COMPLETE,
    image=Image.THERE,
    archive=Archive.THERE,
    checks=Checks.GREEN,
    recent=False,
    later=False,
)
BARE: dict[str, Any] = {
    "index": Index.NONE,
    "attestations": Attestations.MISSING,
    "forge": ForgeRelease.NONE,
    "image": Image.NONE,
    "archive": Archive.NONE,
}
UNTAGGED = replace(WHOLE, local_tag=LocalTag.NONE, remote_tag=RemoteTag.NONE, run=Run.NONE, **BARE)
TAGGED = replace(WHOLE, **BARE)
POLICIES: tuple[Recovery, ...] = ("patch", "retag")
RUNS = frozenset(Run) - {Run.UNKNOWN, Run.RUNNING, Run.WAITING, Run.NONE, Run.BY_HAND}


# What can be together.


def before_the_tag() -> Iterator[States]:
    """Nothing is pushed: files, a local tag, and what an index may have all the same."""
    remotes = (RemoteTag.UNKNOWN, RemoteTag.NO_REMOTE, RemoteTag.NONE)
    runs = (Run.NONE, Run.NOT_EXPECTED, Run.BY_HAND)
    for files, local, remote, branch, index, run, later in itertools.product(
        Files, LocalTag, remotes, Branch, Index, runs, (False, True)
    ):
        yield replace(
            UNTAGGED,
            files=files,
            local_tag=local,
            remote_tag=remote,
            branch=branch,
            index=index,
            run=run,
            attestations=attested(index)[0],
            later=later,
        )


def beside_the_tag() -> Iterator[States]:
    """The tag is pushed, and this repository or the branch does not go with it."""
    for local, remote, branch, index, run in itertools.product(
        LocalTag, (RemoteTag.THERE, RemoteTag.OTHER), Branch, Index, Run
    ):
        seen = replace(WHOLE, local_tag=local, remote_tag=remote, branch=branch, index=index)
        yield replace(seen, run=run, attestations=attested(index)[0])


def after_the_tag(
    forges: tuple[ForgeRelease, ...],
    images: tuple[Image, ...],
    archives: tuple[Archive, ...],
    judged: tuple[Checks, ...],
) -> Iterator[States]:
    """The tag is pushed, and all else is open."""
    looked = itertools.product(
        Stated, Run, Index, forges, images, archives, judged, (False, True), (False, True)
    )
    for stated, run, index, forge, image, archive, checks, recent, later in looked:
        for attestations in attested(index):
            yield States(
                Files.STATED,
                LocalTag.THERE,
                RemoteTag.THERE,
                Branch.HOLDS,
                stated,
                run,
                index,
                attestations,
                forge,
                image,
                archive,
                checks,
                recent,
                later,
            )


def attested(index: Index) -> tuple[Attestations, ...]:
    """Of files that are not there nothing is known but what was promised of them."""
    if index is Index.NOT_EXPECTED:
        return (Attestations.NOT_EXPECTED,)
    if index in {Index.NONE, Index.UNKNOWN}:
        return (Attestations.MISSING,)
    return tuple(Attestations)


# What becomes of it: every outcome that a step may have when it does what it says.


def outcomes(seen: States, found: Next) -> list[States]:
    match found.step:
        case Step.LOOK:
            return list(looked(seen, found.about))
        case Step.WAIT:
            return list(waited(seen, found.about))
        case Step.APPROVE:
            return [replace(seen, run=Run.RUNNING)]
        case Step.START:
            return [replace(seen, run=Run.RUNNING)]
        case Step.RETAG:
            return [replace(WHOLE, later=seen.later)]
        case Step.ABANDON:
            return [replace(seen, local_tag=LocalTag.NONE, branch=Branch.HOLDS)]
        case Step.CUT:
            return [replace(tagged(seen), files=Files.STATED, run=run) for run in begun(seen.run)]
        case Step.PUSH:
            return [replace(tagged(seen), run=run) for run in begun(seen.run)]
        case Step.TAG_PUBLISHED:
            return [tagged(seen)]
        case Step.RERUN:
            return [replace(seen, run=Run.SUCCEEDED, **made(seen))]
        case _:
            return [replace(seen, **EFFECTS[found.step])]


EFFECTS: dict[Step, dict[str, Any]] = {
    Step.FETCH_TAG: {"local_tag": LocalTag.THERE},
    Step.TAKE_TAG: {"local_tag": LocalTag.THERE, "remote_tag": RemoteTag.THERE},
    Step.BRANCH: {"branch": Branch.HOLDS},
    Step.CANCEL: {"run": Run.STOPPED},
    Step.PUBLISH: {"index": Index.COMPLETE},
    Step.PATCH: {"later": True},
    Step.YANK: {"index": Index.YANKED},
    Step.CREATE_RELEASE: {"forge": ForgeRelease.COMPLETE},
    Step.PUBLISH_DRAFT: {"forge": ForgeRelease.COMPLETE},
    Step.ATTACH: {"forge": ForgeRelease.COMPLETE},
    Step.PUSH_IMAGE: {"image": Image.THERE},
    Step.ARCHIVE: {"archive": Archive.THERE},
}


def tagged(seen: States) -> States:
    remote = RemoteTag.NO_REMOTE if seen.remote_tag is RemoteTag.NO_REMOTE else RemoteTag.THERE
    return replace(seen, local_tag=LocalTag.THERE, remote_tag=remote, branch=Branch.HOLDS)


def begun(run: Run) -> tuple[Run, ...]:
    """What a pushed tag starts, if it starts anything."""
    return (Run.RUNNING, Run.WAITING, Run.BROKEN) if run is Run.NONE else (run,)


def made(seen: States) -> dict[str, Any]:
    """What a run makes that comes to its end."""
    wanted = (
        ("index", {Index.NONE, Index.PARTIAL}, Index.COMPLETE),
        ("attestations", {Attestations.MISSING}, Attestations.COMPLETE),
        ("forge", {*ForgeRelease} - {ForgeRelease.UNKNOWN, ForgeRelease.NOT_EXPECTED},
         ForgeRelease.COMPLETE),
        ("image", {Image.NONE}, Image.THERE),
    )  # fmt: skip
    return {field: there for field, absent, there in wanted if getattr(seen, field) in absent}


def looked(seen: States, about: str) -> Iterator[States]:
    if about == "remote_tag" and seen.local_tag is LocalTag.NONE:
        yield from (replace(seen, remote_tag=tag) for tag in (RemoteTag.NONE, RemoteTag.THERE))
        return
    for state in type(getattr(seen, about)):
        if state.name == "UNKNOWN" or state is RemoteTag.NO_REMOTE:
            continue
        found = replace(seen, **{about: state})
        yield replace(found, attestations=attested(found.index)[-1]) if about == "index" else found


def waited(seen: States, about: str) -> Iterator[States]:
    """The run ends in some way or other, or what was on its way is there, or is not."""
    if about == "run" and seen.run is Run.RUNNING:
        for run in RUNS:
            yield replace(
                seen, run=run, recent=True, **(made(seen) if run is Run.SUCCEEDED else {})
            )
    elif about == "checks":
        yield from (replace(seen, checks=checks) for checks in (Checks.RED, Checks.GREEN))
    else:
        yield replace(seen, recent=False)


ORDER: dict[Enum, int] = {
    **dict.fromkeys(Run, 3),
    Run.SUCCEEDED: 0,
    Run.RUNNING: 40,
    Run.WAITING: 41,
    Run.BY_HAND: 41,
    Run.NONE: 42,
    Run.UNKNOWN: 43,
    Index.COMPLETE: 1,
    Index.CLOSED: 2,
    Index.DIFFERENT: 3,
    Index.PARTIAL: 4,
    Index.NONE: 5,
    Index.UNKNOWN: 6,
    Files.BEFORE: 1,
    LocalTag.NONE: 300,
    RemoteTag.UNKNOWN: 900,
    RemoteTag.NONE: 500,
    RemoteTag.OTHER: 1,
    Branch.BEHIND: 1,
    Branch.DIVERGED: 400,
    Branch.UNKNOWN: 401,
    Attestations.UNKNOWN: 2,
    Attestations.MISSING: 1,
    ForgeRelease.UNKNOWN: 2,
    ForgeRelease.NONE: 1,
    ForgeRelease.DRAFT: 1,
    ForgeRelease.INCOMPLETE: 1,
    ForgeRelease.DIFFERENT: 1,
    Image.UNKNOWN: 2,
    Image.NONE: 1,
    Archive.UNKNOWN: 2,
    Archive.NONE: 1,
    Checks.UNKNOWN: 3,
    Checks.RUNNING: 2,
}


def left(seen: States) -> int:
    """How far it is from an end: every outcome of a step has less of it, so the steps end."""
    looked = (
        seen.files, seen.local_tag, seen.remote_tag, seen.branch, seen.run, seen.index,
        seen.attestations, seen.forge, seen.image, seen.archive, seen.checks,
    )  # fmt: skip
    return sum(ORDER.get(state, 0) for state in looked) + 20 * seen.recent + (not seen.later)


def walk(reachable: Iterator[States]) -> int:
    """Follow the steps from every state; returns how many states there are."""
    number = 0
    for seen in reachable:
        number += 1
        for recovery in POLICIES:
            found = next_step(seen, recovery)
            if found.step in ENDS:
                continue
            later = outcomes(seen, found)
            assert later, (seen, found)
            for outcome in later:
                assert left(outcome) < left(seen), (found, seen, outcome)
    return number


def test_the_states_without_image_and_archive_have_one_step_each_that_leads_to_an_end() -> None:
    pushed = after_the_tag(
        (ForgeRelease.UNKNOWN, ForgeRelease.NONE, ForgeRelease.COMPLETE),
        (Image.NOT_EXPECTED,),
        (Archive.NOT_EXPECTED,),
        (Checks.RED, Checks.GREEN),
    )
    number = walk(itertools.chain(before_the_tag(), beside_the_tag(), pushed))
    print(f"{number} states")
    assert number > 25_000


@pytest.mark.slow
@pytest.mark.parametrize("forge", tuple(ForgeRelease))
def test_every_state_after_the_tag_has_one_step_that_leads_to_an_end(forge: ForgeRelease) -> None:
    number = walk(after_the_tag((forge,), tuple(Image), tuple(Archive), tuple(Checks)))
    print(f"{number} states")
    assert number * len(ForgeRelease) > 2_000_000


UNSAFE = {Step.RETAG, Step.ABANDON}


@pytest.mark.parametrize("recovery", POLICIES)
def test_a_tag_is_deleted_only_where_nothing_can_be_published(recovery: Recovery) -> None:
    pushed = after_the_tag(
        tuple(ForgeRelease),
        (Image.UNKNOWN, Image.NONE, Image.THERE),
        (Archive.UNKNOWN, Archive.NONE, Archive.THERE),
        (Checks.RED,),
    )
    steps = set()
    for seen in pushed:
        step = next_step(seen, recovery).step
        steps.add(step)
        if step is Step.RETAG:
            assert seen.index is Index.NONE
            assert seen.run not in {Run.UNKNOWN, Run.RUNNING, Run.WAITING, Run.SUCCEEDED}
            assert seen.forge in {ForgeRelease.NONE, ForgeRelease.DRAFT, ForgeRelease.NOT_EXPECTED}
            assert (seen.image, seen.archive) == (Image.NONE, Archive.NONE)
            assert not seen.later
    assert Step.ABANDON not in steps
    assert (Step.RETAG in steps) is (recovery == "retag")


# The rows of the failure tables of five published procedures, and what the field died of.
ROWS: tuple[tuple[str, dict[str, Any], Recovery, Step], ...] = (
    # Ophamin
    ("CI is red after the push", {"checks": Checks.RED}, "patch", Step.PATCH),
    (
        "CI is red after the push, and the run is not at its end",
        {**BARE, "checks": Checks.RED, "run": Run.RUNNING},
        "patch",
        Step.WAIT,
    ),
    ("CITATION.cff has the wrong version", {"stated": Stated.CITATION}, "patch", Step.PATCH),
    ("the SBOM does not match: it is descriptive", {}, "patch", Step.NOTHING),
    (
        "invalid_grant: the pending publisher is not registered",
        {**BARE, "run": Run.FAILED_PUBLISHING},
        "patch",
        Step.RERUN,
    ),
    ("the archive did not mint a DOI", {"archive": Archive.NONE}, "patch", Step.ARCHIVE),
    # Ajolopy
    (
        "preflight fails on the tag match",
        {**BARE, "stated": Stated.VERSION, "run": Run.FAILED},
        "retag",
        Step.RETAG,
    ),
    ("preflight fails on lint, types or tests", {**BARE, "run": Run.FAILED}, "retag", Step.RETAG),
    (
        "trusted publisher not configured, or environment not found",
        {**BARE, "run": Run.FAILED_PUBLISHING},
        "retag",
        Step.RERUN,
    ),
    (
        "publish succeeds and the wheel is missing: propagation",
        {**BARE, "recent": True},
        "retag",
        Step.WAIT,
    ),
    (
        "could not get an OIDC token: the job lacks id-token: write at the tag",
        {**BARE, "run": Run.BROKEN},
        "retag",
        Step.RETAG,
    ),
    (
        "the forge's release failed after the upload",
        {"forge": ForgeRelease.NONE, "run": Run.FAILED_AFTER},
        "retag",
        Step.RERUN,
    ),
    # chap-checker
    (
        "bad tag, no upload yet, and the workflow has not landed",
        {**BARE, "stated": Stated.VERSION, "run": Run.RUNNING},
        "retag",
        Step.WAIT,
    ),
    (
        "bad tag, no upload, and the run waits for an approval",
        {**BARE, "stated": Stated.VERSION, "run": Run.WAITING},
        "retag",
        Step.CANCEL,
    ),
    (
        "bad tag, and it is published: versions are immutable",
        {"stated": Stated.VERSION},
        "retag",
        Step.PATCH,
    ),
    ("a bad release was yanked", {"index": Index.YANKED}, "retag", Step.PATCH),
    (
        "a bad release was yanked, and a later one is out",
        {"index": Index.YANKED, "later": True},
        "retag",
        Step.ABANDONED,
    ),
    # Aksara: publishing is manual
    ("tagged, and nobody published", {**BARE, "run": Run.BY_HAND}, "patch", Step.START),
    # OpenMed
    ("published, and no attestations", {"attestations": Attestations.MISSING}, "patch", Step.PATCH),
    # What real releases died of
    ("tag without package: a green run", {**BARE, "run": Run.SKIPPED}, "patch", Step.PATCH),
    (
        "package without tag",
        {"local_tag": LocalTag.NONE, "remote_tag": RemoteTag.NONE},
        "patch",
        Step.TAG_PUBLISHED,
    ),
    ("orphan tag: the branch lacks the commit", {"branch": Branch.DIVERGED}, "patch", Step.BRANCH),
    (
        "the branch moved on before the push",
        {**BARE, "remote_tag": RemoteTag.NONE, "branch": Branch.DIVERGED},
        "patch",
        Step.ABANDON,
    ),
    ("one of two files", {"index": Index.PARTIAL, "run": Run.STOPPED}, "retag", Step.RERUN),
    ("one of two files, after 14 days", {"index": Index.CLOSED}, "retag", Step.PATCH),
    ("other bytes on the index", {"index": Index.DIFFERENT}, "retag", Step.YANK),
    ("the index cannot be asked", {"index": Index.UNKNOWN}, "retag", Step.LOOK),
    ("the remote cannot be asked", {"remote_tag": RemoteTag.UNKNOWN}, "retag", Step.LOOK),
    ("the tag is on another commit there", {"remote_tag": RemoteTag.OTHER}, "patch", Step.TAKE_TAG),
    ("attested by somebody else", {"attestations": Attestations.WRONG}, "patch", Step.YANK),
    ("the version was deleted from the index", {**BARE}, "retag", Step.PATCH),
    ("the image is of another commit", {"image": Image.WRONG}, "patch", Step.PATCH),
    ("all is well", {}, "patch", Step.NOTHING),
)


@pytest.mark.parametrize(
    ("changed", "recovery", "step"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_the_failure_tables(changed: dict[str, Any], recovery: Recovery, step: Step) -> None:
    assert next_step(replace(WHOLE, **changed), recovery).step is step


def test_a_version_that_was_not_released_is_cut_and_one_in_the_past_is_left() -> None:
    assert next_step(UNTAGGED, "patch").step is Step.CUT
    assert next_step(replace(UNTAGGED, files=Files.BEFORE), "patch").step is Step.CUT
    assert next_step(replace(UNTAGGED, files=Files.AFTER), "patch").step is Step.ABANDONED
    assert next_step(replace(UNTAGGED, local_tag=LocalTag.THERE), "patch").step is Step.PUSH
    unseen = replace(UNTAGGED, index=Index.UNKNOWN)
    assert next_step(unseen, "patch") == Next(Step.LOOK, "index")


def observation(states: States, **said: str) -> Observation:
    """An observation with those states; `said` replaces what was seen, by its name."""
    names = dict.fromkeys(
        (
            "version", "tag", "remote", "branch", "cut", "next", "message", "run", "run_page",
            "workflow", "image", "archive_page", "files",
        ),
        "x y",
    )  # fmt: skip
    looks: dict[str, Look[Any]] = {
        name: Look(getattr(states, name), said.get(name, f"{name} was seen"), "make it visible")
        for name in ("files", "local_tag", "remote_tag", "branch", "stated", "run", "index",
                     "attestations", "forge", "image", "archive", "checks")
    }  # fmt: skip
    return Observation(
        project="small-thing",
        version="1.2.3",
        looks=looks,
        recent=states.recent,
        later=states.later,
        names=names,
    )


def test_a_standing_says_why_what_and_what_to_type() -> None:
    found = stand(observation(replace(WHOLE, checks=Checks.RED), checks="CI is red"), "patch")
    assert (found.step, found.why) == (Step.PATCH, "CI is red")
    assert found.commands == ("nox -s cut -- 'x y'",)  # names are data
    assert not found.ended
    unseen = stand(observation(replace(WHOLE, index=Index.UNKNOWN)), "patch")
    assert "make it visible" in unseen.what
    assert stand(observation(WHOLE), "patch").ended


def test_every_step_has_a_text_and_only_local_steps_are_done_for_one() -> None:
    assert TEXTS.keys() == set(Step)
    for step in LOCAL:
        assert all("push" not in command for command in TEXTS[step][1])
