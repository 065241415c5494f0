"""What `bump`, `tag` and `cut` do: look, plan, make the commit aside, and make it visible at once.

Each decides by what the repository and its remote show, so that running it again after it was cut
short goes on from there.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from packaging.version import Version

from release.change.abandon import abandon, find_abandoned, go_back
from release.change.candidate import (
    Candidate,
    add_worktree,
    leave,
    make_candidate,
    removed_afterwards,
    standing_candidate,
    tidy,
)
from release.change.lock import judge_locks, locked
from release.change.lock import take_back as take_back_locks
from release.change.plan import Wish, plan_bump, plan_tag
from release.change.situation import (
    ABANDON,
    Request,
    Situation,
    branch_there,
    finished_already,
    is_published,
    judge_editable,
    judge_free,
    judge_level,
    judge_tree,
    judge_unmoved,
    judge_unpushed,
    look,
    planned_branch,
    stands_in_files,
    version_to_tag,
    wanted_version,
)
from release.change.sources import read_sources
from release.change.switch import Move, settle, switch
from release.change.tags import Pushed, drop_leftovers, fetch, make_tag, push
from release.change.tryout import aside, try_out
from release.change.version_places import bump_my_version
from release.errors import ReleaseError, UsageError
from release.model import Finding, Gate, Outcome, Plan, Status, Verdict
from release.project import Project, read_project
from release.project.git import contains, directories, git, object_of
from release.project.version_source import VERSION_CONTROL
from release.run.checklist import Report
from release.run.collecting import collect_here
from release.run.preflight import preflight
from release.run.runner import Listener, Run, open_shell
from release.run.shell import Shell
from release.run.store import FOLDER, Store
from release.text.versions import parse
from release.world.standing import LOCAL, Standing, Step

# The tools of bump and cut, and the log that they write: no gate of the checklist.
TOOLS = Gate(
    name="bump",
    title="changes the files of a release",
    check=lambda _project, _shell: Outcome.not_applicable("an action is not a gate"),
    tools=("bump-my-version", "towncrier", "scriv"),
)
# What a pushed tag may start.
WORKFLOWS = (
    *(".github/workflows", ".forgejo/workflows", ".gitea/workflows", ".gitlab-ci.yml"),
    *(".circleci", ".travis.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml"),
)
# Where build backends read the version as it stands.
METADATA = frozenset(["pyproject.toml", "setup.cfg", "setup.py"])


class Stage(Enum):
    """How far a release is: not begun, on its own branch, in this commit's files, or released."""

    NOTHING, BRANCH, FILES, RELEASED = range(4)


@dataclass(frozen=True, slots=True)
class Done:
    """How an action ended: sentences for people, and the plan that was carried out, if any."""

    said: tuple[str, ...]
    plan: Plan | None = None
    remarks: tuple[Finding, ...] = ()
    report: Report | None = None


def dry_bump(project: Project, request: Request, cache: Path) -> Plan:
    """The plan that `bump` would carry out, tried out. Changes nothing."""
    situation = look(project)
    stage, version = _reached(situation, request)
    if stage is Stage.FILES:
        return _no_change(situation, version, f"the files say {version} already")
    return _tried(situation, stage, version, request, cache)


def dry_cut(project: Project, request: Request, cache: Path) -> Plan:
    """The plan that `cut` would carry out, tried out up to the checklist. Changes nothing."""
    situation, request = look(project), replace(request, push=True, tag=True)
    stage, version = _reached(situation, request)
    if stage is Stage.RELEASED:
        return _no_change(situation, version, _is_out(situation, version))
    if stage is Stage.FILES:
        _judge_tag(situation, version)
        return _tag_plan(situation, version, request)
    return _tried(situation, stage, version, request, cache)


def dry_abandon(project: Project) -> tuple[str, ...]:
    """What `cut --abandon` would take back. Changes nothing."""
    found = find_abandoned(look(project), dry=True)
    return (f"{found.version} would be taken back", *found.said())


def _reached(situation: Situation, request: Request) -> tuple[Stage, Version]:
    """How far the release is that was asked for, and its version.

    Raises ReleaseError for what stands against one that is not begun.
    """
    here = finished_already(situation, request) if request.tag else None
    if here is not None:
        return Stage.RELEASED if _is_released(situation, here) else Stage.FILES, here
    if request.tag:
        judge_unpushed(situation)
    judge_editable(situation)
    version = wanted_version(situation, request)
    branch = planned_branch(situation, version)
    if stands_in_files(situation, version):
        return Stage.FILES, version
    if request.push and not request.tag and branch == situation.branch:
        raise UsageError.of(
            "--push is for the branch of a pull request, and none is set",
            remedy="leave it out (nox -s tag pushes), or set tool.release.pull-request-branch",
        )
    return Stage.BRANCH if branch_there(situation, branch) else Stage.NOTHING, version


def _tried(
    situation: Situation, stage: Stage, version: Version, request: Request, cache: Path
) -> Plan:
    """A plan that the real run would carry out as well, with what that would remark."""
    branch = planned_branch(situation, version)
    if stage is Stage.BRANCH:
        _judge_branch(situation, branch, branch_there(situation, branch) or "")
        return _no_change(situation, version, f"{branch} is there already")
    judge_tree(situation, version)
    with aside(situation.project, TOOLS, cache) as (run, shell):
        plan = _plan(situation, version, request, shell)
        return plan if plan.commit_message is None else try_out(run, shell, plan)


def _no_change(situation: Situation, version: Version, why: str) -> Plan:
    """The plan of a run that has nothing to change."""
    return _bare_plan(situation, version, notes=(Finding(f"nothing to change: {why}"),))


def _bare_plan(situation: Situation, version: Version, **more: Any) -> Plan:
    """A plan that changes no file, on the branch that releases are made from."""
    return Plan(
        name=situation.project.name,
        base=situation.commit,
        previous=situation.project.version,
        version=situation.project.spell(version),
        day=datetime.now(UTC).date(),
        branch=situation.branch,
        release_branch=situation.branch,
        **more,
    )


def dry_tag(project: Project, request: Request, cache: Path) -> Plan:
    """The plan that `tag` would carry out, if the evidence is complete. Changes nothing."""
    situation = look(project)
    version = version_to_tag(situation, request)
    if _is_released(situation, version):
        return _no_change(situation, version, _is_out(situation, version))
    _judge_tag(situation, version)
    with tempfile.TemporaryDirectory(prefix="nox-release-dry-run-") as scratch:
        run = Run(project, Store(Path(scratch).resolve()), cache)
        _judge_evidence(run, project.root / FOLDER, situation, version)
    return _tag_plan(situation, version, request)


def bump(run: Run, request: Request) -> Done:
    """One commit with every file of the release edited, on the branch; nothing is pushed.

    Raises ReleaseError, with nothing changed, for whatever stands against it.
    """
    with _changing(run, f"bump {request.step}") as (run, told):
        situation = look(run.project)
        stage, version = _reached(situation, request)
        if stage is Stage.FILES:
            return Done((*told, f"the files say {version} already", _next(situation, version)))
        if stage is Stage.BRANCH:
            return _again(situation, version, request, told)
        with open_shell(run, TOOLS) as shell, removed_afterwards(run.project):
            judge_tree(situation, version, shell.run)
            plan = _plan(situation, version, request, shell)
            if plan.commit_message is None:
                said = f"no file names a version: {version} is its tag alone"
                return Done((*told, f"{said}; next: nox -s cut -- {version}"), plan)
            top = add_worktree(run.project, plan.base)
            candidate = make_candidate(run, shell, plan, top)
            return _publish_branch(run, situation, plan, candidate, told)


def tag(run: Run, request: Request) -> Done:
    """An annotated tag on this commit, if its evidence is complete; branch and tag are pushed."""
    with _changing(run, "tag") as (run, told):
        situation = look(run.project)
        version = version_to_tag(situation, request)
        if _is_released(situation, version):
            return _released(situation, version, told)
        _judge_tag(situation, version)
        _judge_evidence(run, run.store.folder, situation, version)
        return _tag_and_push(run, situation, version, request, told)


def cut(
    run: Run,
    request: Request,
    listener: Listener,
    judged: Callable[[Report], None] = lambda _report: None,
) -> Done:
    """The whole release: bump, the checklist on exactly that commit, tag, push.

    `judged` hears the checklist's report before anything is decided by it.
    """
    with _changing(run, f"cut {request.step}") as (run, told):
        situation, request = look(run.project), replace(request, push=True, tag=True)
        stage, version = _reached(situation, request)
        if stage is Stage.RELEASED:
            return _released(situation, version, told)
        if stage is Stage.FILES:
            return _cut_here(run, situation, version, request, (listener, judged), told)
        if stage is Stage.BRANCH:
            return _again(situation, version, request, told)
        with open_shell(run, TOOLS) as shell:
            judge_tree(situation, version, shell.run)
            plan = _plan(situation, version, request, shell)
            if plan.commit_message is None:
                done = _cut_here(run, situation, version, request, (listener, judged), told)
                return replace(done, remarks=plan.notes)
            candidate = standing_candidate(run.project, plan)
            if candidate is None:
                top = add_worktree(run.project, plan.base)
                candidate = make_candidate(run, shell, plan, top)
            report = preflight(replace(run, project=candidate.project, level=None), listener)
            judged(report)
            if report.verdict is not Verdict.READY:
                return _stopped(run, report, told, plan, candidate)
            if plan.tag is None:
                done = _publish_branch(run, situation, plan, candidate, told)
            else:
                judge_built(report, situation.project, version)
                done = _publish(run, situation, plan, candidate, told)
            return replace(done, report=report)


def _cut_here(
    run: Run,
    situation: Situation,
    version: Version,
    request: Request,
    heard: tuple[Listener, Callable[[Report], None]],
    told: list[str],
) -> Done:
    """Judge this very commit, which says the version already, and tag and push it."""
    listener, judged = heard
    _judge_tag(situation, version)
    name = _tag_name(situation, version)
    # A version that is its tag is only there when the tag is: judged as if it were.
    planned = situation.project.version is None and name not in situation.project.released
    project = replace(run.project, planned_tag=name) if planned else run.project
    report = preflight(replace(run, project=project), listener)
    judged(report)
    if report.verdict is not Verdict.READY:
        return _stopped(run, report, told)
    judge_built(report, situation.project, version)
    done = _tag_and_push(run, situation, version, request, told)
    return replace(done, report=report)


def take_back(run: Run) -> Done:
    """Take back a release that was made here and that no remote has: its tag, commit and edits."""
    with _changing(run, "cut --abandon") as (run, told):
        situation = look(run.project)
        said = abandon(run, situation, find_abandoned(situation))
        return Done((*told, *said))


def take_step(run: Run, standing: Standing) -> tuple[str, ...]:
    """Take the step of a standing; returns what was done, in sentences.

    Raises UsageError for a step that somebody else would notice, or that cannot be taken back, and
    ReleaseError where it fails.
    """
    if standing.step not in LOCAL:
        raise UsageError.of(
            f"the next step is not this repository's alone: {standing.step.value}",
            remedy=" && ".join(standing.commands) or standing.what,
        )
    if standing.step is Step.ABANDON:
        return take_back(run).said
    seen = standing.observation
    tag, remote, old = (seen.names[key] for key in ("tag", "remote", "local_object"))
    ref = f"refs/tags/{tag}"
    force = "+" if standing.step is Step.TAKE_TAG else ""
    with _changing(run, "status --do") as (run, told):
        fetch(run.project.repository.remote_base, remote, f"{force}{ref}:{ref}")
    undo = f"to have that back: git update-ref {ref} {old}"
    return (
        *told,
        f"{tag} is here as {remote} has it",
        f"what was here before: {seen.looks['local_tag'].said}",
        undo if old else f"to undo it: git tag --delete {tag}",
    )


@contextlib.contextmanager
def _changing(run: Run, action: str) -> Iterator[tuple[Run, list[str]]]:
    """Hold the lock, and finish first what a killed run left; then the project is read anew."""
    facts = run.project.git
    if facts is None:
        raise ReleaseError.of("not in a git repository", remedy="git init")
    _, folder = directories(facts.top)
    with locked(folder, action):
        told = [*take_back_locks(folder), *settle(run.store.folder, folder)]
        drop_leftovers(folder)
        told += judge_locks(folder, facts.directory)
        project = read_project(run.project.root, run.project.extra)
        tidy(project)
        yield replace(run, project=project), told


def _wish(situation: Situation, version: Version, request: Request) -> Wish:
    branch = planned_branch(situation, version)
    straight = branch == situation.branch
    return Wish(
        version=version,
        day=datetime.now(UTC).date(),
        branch=branch,
        release_branch=situation.branch,
        previous_tag=situation.previous_tag,
        subject=request.subject,
        notes=request.notes,
        tag=request.tag and straight,
        push=request.tag if straight else request.push,
        typed=request.step,
    )


def _plan(situation: Situation, version: Version, request: Request, shell: Shell) -> Plan:
    wish = _wish(situation, version, request)
    sources = read_sources(situation.project)
    plan = plan_bump(situation.project, sources, wish, bump_my_version(shell))
    notes = [*plan.notes, *_clock(situation, plan.day)]
    if situation.unasked is not None:
        message = f"the index was not asked whether it has {version}: {situation.unasked.reason}"
        notes.append(Finding(message, remedy="tag and cut ask again"))
    return replace(plan, notes=tuple(notes))


def _clock(situation: Situation, day: date) -> Iterator[Finding]:
    """A remark where today is before the day of the last release."""
    tag = situation.previous_tag
    if tag is None:
        return
    last = git(situation.project.root, "log", "-1", "--format=%cs", tag, "--").stdout.strip()
    if day.isoformat() < last:
        remedy = "look at this machine's clock: the dates of the release come from it"
        yield Finding(f"today is {day}, and the last release ({tag}) is of {last}", remedy=remedy)


def _tag_plan(situation: Situation, version: Version, request: Request) -> Plan:
    """The plan that makes and pushes a tag of this commit, and changes no file."""
    wish = _wish(situation, version, request)
    made = plan_tag(situation.project, wish, situation.project.spell(version))
    return _bare_plan(
        situation,
        version,
        tag=made,
        remote=situation.remote,
        pushes=(
            f"refs/heads/{situation.branch}:refs/heads/{situation.branch}",
            f"refs/tags/{made.name}:refs/tags/{made.name}",
        ),
    )


def _move(run: Run, plan: Plan, candidate: Candidate, tags: list[Move]) -> tuple[str, ...]:
    """Make the candidate's commit visible: branch, tag and working tree in one step."""
    branch = f"refs/heads/{plan.branch}"
    message = f"nox-release: {plan.name} {plan.version}"
    first = Move(branch, candidate.commit, None if plan.new_branch else plan.base)
    source = None if plan.new_branch else candidate.top
    top = run.project.repository.top
    return switch(top, run.store.folder, [first, *tags], message, source)


def _publish_branch(
    run: Run, situation: Situation, plan: Plan, candidate: Candidate, told: list[str]
) -> Done:
    """Let the plan's branch have the commit, and push that of a pull request if it is wanted."""
    with removed_afterwards(run.project):
        told += _move(run, plan, candidate, [])
    said = [f"{_step(plan)} in {candidate.commit[:12]} on {plan.branch}"]
    if plan.pushes:
        said.append(_push_branch(situation, plan.branch, candidate.commit))
    said.append(_next(situation, Version(plan.version), pushed=bool(plan.pushes)))
    return Done((*told, *said), plan, (*plan.notes, *candidate.remarks))


def _publish(
    run: Run, situation: Situation, plan: Plan, candidate: Candidate, told: list[str]
) -> Done:
    """Move branch and tag in one step, then push them."""
    commit, new = candidate.commit, plan.tag
    assert new is not None
    judge_unmoved(situation, new.name)
    made = make_tag(situation.facts.top, new, commit)
    tag_move = Move(f"refs/tags/{new.name}", made, None)
    with removed_afterwards(run.project):
        told += _move(run, plan, candidate, [tag_move])
    said = f"{_step(plan)} in {commit[:12]} on {plan.branch}, tagged {new.name}"
    branch_back = Move(f"refs/heads/{plan.branch}", plan.base, commit)
    back = [branch_back, Move(tag_move.ref, "0" * len(made), made)]
    after = _push_release(run, situation, commit, new.name, made, back)
    return Done((*told, said, *after), plan, (*plan.notes, *candidate.remarks))


def _tag_name(situation: Situation, version: Version) -> str:
    """The tag of a version: the one on this commit, else the one to be made."""
    project = situation.project
    return situation.names_here(version) or project.tag_of(project.spell(version))


def _tag_object(situation: Situation, name: str) -> str:
    """The object of a tag that is here; "" where there is none."""
    return object_of(situation.project.root, f"refs/tags/{name}")


def _is_released(situation: Situation, version: Version) -> bool:
    """Whether the remote has this very commit with the version's tag, the one that is here."""
    name = _tag_name(situation, version)
    if situation.remote is None or situation.asked.tag(name) != situation.commit:
        return False
    same = _tag_object(situation, name) in {"", situation.asked.tag_object(name)}
    return same and is_published(situation, situation.commit)


def _is_out(situation: Situation, version: Version) -> str:
    return f"{version} is released: {_tag_name(situation, version)}"


def _released(situation: Situation, version: Version, told: Sequence[str]) -> Done:
    """What to say of a release of this very commit that the remote has; its tag is brought here."""
    name, remote = _tag_name(situation, version), str(situation.remote)
    said = [*told, f"{version} is released: {remote} has {name} on this commit"]
    if not _tag_object(situation, name):
        ref = f"refs/tags/{name}:refs/tags/{name}"
        fetch(situation.facts.remote_base, remote, ref)
        said.append(f"brought {name} here")
    return Done((*said, after_push(situation.project, name)))


def _judge_tag(situation: Situation, version: Version) -> None:
    """Raise ReleaseError for whatever stands against tagging this commit, its evidence aside."""
    name = _tag_name(situation, version)
    there, found = situation.asked.tag_object(name), _tag_object(situation, name)
    if found and there not in {None, found}:
        raise ReleaseError.of(
            f"the tag {name} here is another one than on {situation.remote}",
            remedy=f"the published one stays: git tag --delete {name} && git fetch"
            f" {situation.remote} tag {name}, then run this again",
        )
    judge_level(situation, name)
    judge_tree(situation, version)
    # A tag that is here already was made by a run that was cut short or by hand: no proof at all.
    judge_free(situation, version)


def judge_built(report: Report, project: Project, version: Version) -> None:
    """Raise ReleaseError unless the distributions that were judged are of the tag's version.

    Where none was judged, only a version that is plainly in the metadata will do.
    """
    builds = [evidence.outcome for evidence in report.gates if evidence.gate == "build"]
    built = next((text for outcome in builds if (text := outcome.facts.get("version"))), None)
    if built is not None and parse(built) == version:
        return
    if built is None and project.version_source in METADATA:
        return
    made = f"are of version {built}" if built else "were not judged"
    by_tag = project.version_source == VERSION_CONTROL
    raise ReleaseError.of(
        f"the tag would say {version}, and the distributions {made}; their version comes from"
        f" {project.version_source}",
        remedy=f"nox -s cut -- {version} judges this commit as if it were tagged"
        if by_tag and built
        else "let the gate build judge them: it is off by tool.release.gates.build"
        if not built
        else f"make it {version} there, commit, and nox -s release_preflight",
    )


def _tag_and_push(
    run: Run, situation: Situation, version: Version, request: Request, told: list[str]
) -> Done:
    """Tag this commit, which was judged, and push; go on where a run was cut short."""
    facts = situation.facts
    name = _tag_name(situation, version)
    found = _tag_object(situation, name)
    plan: Plan | None = None
    if not found:
        plan = _tag_plan(situation, version, request)
        assert plan.tag is not None
        judge_unmoved(situation, name)
        found = make_tag(facts.top, plan.tag, situation.commit)
        move = Move(f"refs/tags/{name}", found, None)
        told += switch(facts.top, run.store.folder, [move], f"nox-release: {name}", None)
        said = f"tagged {situation.commit[:12]} as {name}"
        back = [Move(move.ref, "0" * len(found), found)]
    else:
        said = f"{name} was on this commit already"
        back = []
    after = _push_release(run, situation, situation.commit, name, found, back)
    return Done((*told, said, *after), plan)


def _push_release(
    run: Run, situation: Situation, commit: str, tag_name: str, tag_object: str, back: list[Move]
) -> tuple[str, ...]:
    """Push branch and tag together; undo what this run made if the remote had moved on.

    `back` are the moves that undo it. Raises ReleaseError when the push was refused.
    """
    if situation.remote is None:
        return ("there is no remote to push to",)
    remote, branch = situation.remote, situation.branch
    refs = [(f"refs/heads/{branch}", commit), (f"refs/tags/{tag_name}", tag_object)]
    moved_on = is_published(situation, commit) and situation.asked.branch(branch) != commit
    if moved_on:  # what came after it on the branch stays there
        del refs[0]
    done = push(situation.facts.top, remote, refs, situation.asked)
    if done.done:
        what = tag_name if moved_on else f"{branch} and {tag_name}"
        return (f"pushed {what} to {remote}", after_push(situation.project, tag_name))
    raise _refused(run, situation, done, back)


def _refused(run: Run, situation: Situation, done: Pushed, back: list[Move]) -> ReleaseError:
    remote = situation.remote
    if done.arrived:
        return ReleaseError.of(
            f"{remote} took {' and '.join(done.arrived)}, and refused the rest: {done.why}",
            remedy="what it took stays, there and here; settle what it says and run this again:"
            " only what is missing is pushed",
        )
    if not done.moved or not back:
        return ReleaseError.of(
            f"{remote} refused the push, and has neither branch nor tag: {done.why}",
            remedy="both are ready here; settle what it says and run this again to push them,"
            f" or take the release back: {ABANDON}"
            " (a protected branch takes releases by tool.release.pull-request-branch)",
        )
    go_back(run, back, "nox-release: the remote had moved on")
    return ReleaseError.of(
        f"{remote} moved on meanwhile, and took neither branch nor tag: {done.why}",
        remedy=f"nothing was changed here; git pull --ff-only {remote} {situation.branch}, and"
        " run this again",
    )


def _judge_evidence(run: Run, folder: Path, situation: Situation, version: Version) -> None:
    """Raise ReleaseError unless the evidence in `folder` is complete for what is here now."""
    report = collect_here(run, folder, _tag_name(situation, version))
    if report.verdict is Verdict.READY:
        judge_built(report, situation.project, version)
        return
    open_gates: dict[str, list[str]] = {}
    for evidence in report.gates:
        status, name = evidence.outcome.status, evidence.gate
        counts = report.required[name] != "never" and name not in report.left_to_ci
        if counts and status in {Status.FAILED, Status.UNCHECKED}:
            said = f"{status}: {evidence.outcome.summary}"
            open_gates.setdefault(said, []).append(name)
    raise ReleaseError(
        Finding(
            f"the evidence for {situation.commit[:12]} is not complete",
            remedy="nox -s release_preflight, then run this again",
        ),
        *(Finding(f"{', '.join(names)} {said}") for said, names in open_gates.items()),
    )


def _push_branch(situation: Situation, branch: str, commit: str) -> str:
    if situation.remote is None:
        return "there is no remote to push to"
    refs = [(f"refs/heads/{branch}", commit)]
    done = push(situation.facts.top, situation.remote, refs, situation.asked)
    if not done.done:
        raise ReleaseError.of(
            f"{situation.remote} refused {branch}: {done.why}",
            remedy="the branch is ready here; settle that and run this again",
        )
    return f"pushed {branch} to {situation.remote}"


def _judge_branch(situation: Situation, branch: str, commit: str) -> None:
    """Raise ReleaseError for a pull request's branch that is of something else."""
    if not contains(situation.project.root, commit, situation.commit):
        raise ReleaseError.of(
            f"the branch {branch} is there already, and not made from this commit",
            remedy="merge it, or delete it here and on the remote",
        )


def _again(situation: Situation, version: Version, request: Request, told: list[str]) -> Done:
    """Go on with the branch of a release that is there already."""
    branch = planned_branch(situation, version)
    commit = branch_there(situation, branch) or ""
    if not object_of(situation.project.root, f"{commit}^{{commit}}"):
        base, options = situation.facts.remote_base, ("--no-write-fetch-head", "--refmap=")
        fetch(base, str(situation.remote), f"refs/heads/{branch}", *options)
    _judge_branch(situation, branch, commit)
    said = [*told, f"{branch} is there already, at {commit[:12]}"]
    if request.push and situation.asked.branch(branch) != commit:
        said.append(_push_branch(situation, branch, commit))
    return Done((*said, _next(situation, version, pushed=request.push)))


def _stopped(
    run: Run,
    report: Report,
    told: list[str],
    plan: Plan | None = None,
    candidate: Candidate | None = None,
) -> Done:
    """Leave the candidate for a look, and say where it is."""
    said = [*told, f"stopped: {report.version or ''} is {report.verdict}, nothing was changed"]
    if candidate is not None:
        leave(run.project, candidate)
        path = candidate.top.relative_to(run.project.root)
        said.append(
            f"the commit that was judged is in {path}, to look at; fix it on the release branch,"
            " commit there, and run this again"
        )
    return Done(tuple(said), plan, plan.notes if plan else (), report)


def _next(situation: Situation, version: Version, *, pushed: bool = False) -> str:
    """The one next step after the files say the version."""
    branch = planned_branch(situation, version)
    tag_it = "nox -s release_preflight, then nox -s tag"
    if situation.project.version is None:
        tag_it = f"nox -s cut -- {version}"
    if branch == situation.branch:
        return f"next: {tag_it}"
    push_it = ""
    if situation.remote and not pushed and not situation.asked.branch(branch):
        push_it = f"git push {situation.remote} {branch}, "
    return f"next: {push_it}open and merge its pull request, then on {situation.branch}: {tag_it}"


def after_push(project: Project, tag_name: str) -> str:
    """What follows the push of a tag."""
    if not project.settings.publish:
        return f"next: nothing; {tag_name} goes to no index"
    if project.settings.publishing == "manual":
        return f"next: publish {tag_name} by hand; its push triggers nothing"
    if project.settings.publish == "by hand":
        return f"next: publish {tag_name} by hand: nox -s publish -- --index URL"
    if not any((project.top / name).exists() for name in WORKFLOWS):
        return f"next: publish {tag_name}; no workflow is here that its push could start"
    return f"next: watch the workflow that the push of {tag_name} started"


def _step(plan: Plan) -> str:
    there = plan.previous in (None, plan.version)
    return plan.version if there else f"{plan.previous} → {plan.version}"
