"""What `bump`, `tag` and `cut` do: look, plan, make the commit aside, and make it visible at once.

Each decides by what the repository and its remote show, so that running it again after it was cut
short goes on from there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from packaging.version import Version

from release.change.candidate import (
    Candidate,
    leave,
    make_candidate,
    removed_afterwards,
    standing_candidate,
    tidy,
)
from release.change.lock import judge_locks, locked, take_back
from release.change.plan import Wish, plan_bump, plan_tag
from release.change.situation import (
    Request,
    Situation,
    branch_there,
    contains,
    finished_already,
    judge_free,
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
from release.change.tags import Pushed, drop_leftovers, fetch, has_all, make_tag, push
from release.errors import Problem, ReleaseError, UsageError
from release.model import Finding, Gate, Outcome, Plan, Status, Verdict
from release.project import Project, read_project
from release.project.git import git
from release.run.checklist import Report
from release.run.preflight import collect_here, preflight
from release.run.runner import Listener, Run, open_shell

# The tools of bump and cut, and the log that they write: no gate of the checklist.
TOOLS = Gate(
    name="bump",
    title="changes the files of a release",
    check=lambda _project, _shell: Outcome.not_applicable("an action is no gate"),
    tools=("bump-my-version", "towncrier", "scriv"),
)


@dataclass(frozen=True, slots=True)
class Done:
    """How an action ended: sentences for people, and the plan that was carried out, if any."""

    said: tuple[str, ...]
    plan: Plan | None = None
    remarks: tuple[Finding, ...] = ()
    report: Report | None = None


def dry_bump(project: Project, request: Request) -> Plan:
    """The plan that `bump` would carry out. Writes nothing anywhere."""
    situation = look(project)
    version = wanted_version(situation, request)
    branch = planned_branch(situation, version)
    if stands_in_files(situation, version):
        return _no_change(situation, version, f"the files say {version} already")
    if branch != situation.branch and branch_there(situation, branch):
        return _no_change(situation, version, f"{branch} is there already")
    judge_tree(situation, version)
    return _plan(situation, version, request, with_tag=False)


def dry_cut(project: Project, request: Request) -> Plan:
    """The plan that `cut` would carry out. Writes nothing anywhere."""
    situation = look(project)
    if (here := finished_already(situation, request)) is not None:
        tag = situation.names_here(here)
        if tag is not None and situation.remote and situation.asked.tag(tag) == situation.commit:
            return _no_change(situation, here, f"{here} is released: {tag}")
        return _tag_plan(situation, here, request)
    judge_unpushed(situation)
    version = wanted_version(situation, request)
    branch = planned_branch(situation, version)
    if stands_in_files(situation, version):
        judge_tree(situation, version)
        return _tag_plan(situation, version, request)
    if branch != situation.branch and branch_there(situation, branch):
        return _no_change(situation, version, f"{branch} is there already")
    judge_tree(situation, version)
    with_tag = branch == situation.branch
    request = replace(request, push=True)
    return _plan(situation, version, request, with_tag=with_tag)


def _no_change(situation: Situation, version: Version, why: str) -> Plan:
    """The plan of a run that has nothing to change."""
    wish = _wish(situation, version, Request(), with_tag=False)
    return Plan(
        name=situation.project.name,
        base=situation.commit,
        previous=situation.project.version,
        version=situation.project.spell(version),
        day=wish.day,
        branch=wish.branch,
        release_branch=situation.branch,
        notes=(Finding(f"nothing to change: {why}"),),
    )


def dry_tag(project: Project, request: Request) -> Plan:
    """The plan that `tag` would carry out. Writes nothing anywhere."""
    situation = look(project)
    version = version_to_tag(situation, request)
    judge_tree(situation, version)
    return _tag_plan(situation, version, request)


def bump(run: Run, request: Request) -> Done:
    """One commit with every file of the release edited, on the branch; nothing is pushed.

    Raises ReleaseError, with nothing changed, for whatever stands against it.
    """
    with _changing(run, f"bump {request.step}") as (run, told):
        situation = look(run.project)
        version = wanted_version(situation, request)
        where = planned_branch(situation, version)
        if stands_in_files(situation, version):
            return Done((*told, f"the files say {version} already", _next(situation, version)))
        if request.push and where == situation.branch:
            raise UsageError(
                Problem(
                    "--push is for the branch of a pull request, and none is set",
                    remedy="leave it out (nox -s tag pushes), or set"
                    " tool.release.pull-request-branch",
                )
            )
        if where != situation.branch and (there := branch_there(situation, where)):
            return _again(situation, version, where, there, request, told)
        with open_shell(run, TOOLS) as shell, removed_afterwards(run.project):
            judge_tree(situation, version, shell.run)
            plan = _plan(situation, version, request, with_tag=False)
            if plan.commit_message is None:
                return Done((*told, _nothing_to_edit(version)), plan)
            candidate = make_candidate(run, shell, plan)
            told += _move(run, plan, candidate, [])
        said = [f"{_step(plan)} in {candidate.commit[:12]} on {plan.branch}"]
        pushed = plan.new_branch and request.push
        if pushed:
            said.append(_push_branch(situation, plan.branch, candidate.commit))
        return Done(
            (*told, *said, _next(situation, version, pushed=pushed)),
            plan,
            (*plan.notes, *candidate.remarks),
        )


def tag(run: Run, request: Request, extra: Mapping[str, Gate]) -> Done:
    """An annotated tag on this commit, if its evidence is complete; branch and tag are pushed."""
    with _changing(run, "tag") as (run, told):
        situation = look(run.project)
        version = version_to_tag(situation, request)
        return _tag_and_push(run, situation, version, request, extra, told)


def cut(
    run: Run,
    request: Request,
    extra: Mapping[str, Gate],
    listener: Listener,
    judged: Callable[[Report], None] = lambda _report: None,
) -> Done:
    """The whole release: bump, the checklist on exactly that commit, tag, push.

    `judged` hears the checklist's report before anything is decided by it.
    """
    with _changing(run, f"cut {request.step}") as (run, told):
        situation = look(run.project)
        if (here := finished_already(situation, request)) is not None:
            return _tag_and_push(run, situation, here, request, extra, told)
        judge_unpushed(situation)
        version = wanted_version(situation, request)
        branch = planned_branch(situation, version)
        if stands_in_files(situation, version):
            judge_tree(situation, version)
            report = preflight(run, extra, listener)
            judged(report)
            if report.verdict is not Verdict.READY:
                return _stopped(run, report, told)
            done = _tag_and_push(run, situation, version, request, extra, told)
            return replace(done, report=report)
        if branch != situation.branch and (there := branch_there(situation, branch)):
            return _again(situation, version, branch, there, replace(request, push=True), told)
        with open_shell(run, TOOLS) as shell:
            judge_tree(situation, version, shell.run)
            with_tag = branch == situation.branch
            request = replace(request, push=True)
            plan = _plan(situation, version, request, with_tag=with_tag)
            candidate = None
            if plan.commit_message is not None:
                candidate = standing_candidate(run.project, plan)
                candidate = candidate or make_candidate(run, shell, plan)
            report = _judge_candidate(run, situation, plan, candidate, extra, listener)
            judged(report)
            if report.verdict is not Verdict.READY:
                return _stopped(run, report, told, plan, candidate)
            return _publish(run, situation, plan, candidate, report, told)


@contextlib.contextmanager
def _changing(run: Run, action: str) -> Iterator[tuple[Run, list[str]]]:
    """Hold the lock, and finish first what a killed run left; then the project is read anew."""
    facts = run.project.git
    if facts is None:
        raise ReleaseError(Problem("not in a git repository", remedy="git init"))
    common = git(facts.top, "rev-parse", "--git-common-dir").stdout.rstrip("\n")
    folder = (facts.top / common).resolve()
    with locked(folder, action):
        told = [*take_back(folder), *settle(run.store.folder, folder)]
        drop_leftovers(folder)
        told += judge_locks(folder, facts.directory)
        project = read_project(run.project.root, run.project.extra)
        tidy(project)
        yield replace(run, project=project), told


def _wish(situation: Situation, version: Version, request: Request, *, with_tag: bool) -> Wish:
    return Wish(
        version=version,
        day=datetime.now(UTC).date(),
        branch=planned_branch(situation, version),
        release_branch=situation.branch,
        previous_tag=situation.previous_tag,
        subject=request.subject,
        notes=request.notes,
        tag=with_tag,
        push=with_tag or (request.push and planned_branch(situation, version) != situation.branch),
    )


def _plan(situation: Situation, version: Version, request: Request, *, with_tag: bool) -> Plan:
    wish = _wish(situation, version, request, with_tag=with_tag)
    plan = plan_bump(situation.project, read_sources(situation.project), wish)
    plan = replace(plan, notes=(*plan.notes, *_clock(situation, plan.day)))
    if situation.unasked is None:
        return plan
    note = Finding(
        f"the index was not asked whether it has {version}: {situation.unasked.reason}",
        remedy="tag and cut ask again",
    )
    return replace(plan, notes=(*plan.notes, note))


def _clock(situation: Situation, day: date) -> tuple[Finding, ...]:
    """A remark where today is before the day of the last release."""
    tag = situation.previous_tag
    if tag is None:
        return ()
    last = git(
        situation.project.root, "log", "-1", "--no-show-signature", "--format=%cs", tag, "--"
    )
    said = last.stdout.strip()
    if day.isoformat() >= said:
        return ()
    return (
        Finding(
            f"today is {day}, and the last release ({tag}) is of {said}",
            remedy="look at this machine's clock: the dates of the release come from it",
        ),
    )


def _tag_plan(situation: Situation, version: Version, request: Request) -> Plan:
    """The plan that makes and pushes a tag of this commit, and changes no file."""
    project = situation.project
    wish = replace(_wish(situation, version, request, with_tag=True), branch=situation.branch)
    spelled_version = project.spell(version)
    made = plan_tag(project, wish, spelled_version)
    return Plan(
        name=project.name,
        base=situation.commit,
        previous=project.version,
        version=spelled_version,
        day=wish.day,
        branch=situation.branch,
        release_branch=situation.branch,
        tag=made,
        remote=situation.remote,
        pushes=(
            f"refs/heads/{situation.branch}:refs/heads/{situation.branch}",
            f"refs/tags/{made.name}:refs/tags/{made.name}",
        ),
    )


def _move(run: Run, plan: Plan, candidate: Candidate, tags: list[Move]) -> tuple[str, ...]:
    """Make the candidate's commit visible: branch, tag and working tree in one step."""
    facts = run.project.git
    assert facts is not None
    branch = f"refs/heads/{plan.branch}"
    message = f"nox-release: {plan.name} {plan.version}"
    first = Move(branch, candidate.commit, None if plan.new_branch else plan.base)
    source = None if plan.new_branch else candidate.top
    return switch(facts.top, run.store.folder, [first, *tags], message, source)


def _judge_candidate(
    run: Run,
    situation: Situation,
    plan: Plan,
    candidate: Candidate | None,
    extra: Mapping[str, Gate],
    listener: Listener,
) -> Report:
    """The full checklist on exactly the commit that is to be released."""
    project = candidate.project if candidate else situation.project
    if candidate is None and plan.tag is not None:
        project = replace(project, planned_tag=plan.tag.name)
    return preflight(replace(run, project=project, level=None), extra, listener)


def _publish(
    run: Run,
    situation: Situation,
    plan: Plan,
    candidate: Candidate | None,
    report: Report,
    told: list[str],
) -> Done:
    """Move the refs in one step, then push them; or push the branch of a pull request."""
    facts = situation.facts
    commit = candidate.commit if candidate else situation.commit
    if plan.tag is None:
        assert candidate is not None
        with removed_afterwards(run.project):
            told += _move(run, plan, candidate, [])
        said = f"{_step(plan)} in {commit[:12]} on {plan.branch}"
        pushed = _push_branch(situation, plan.branch, commit)
        follows = _next(situation, Version(plan.version), pushed=True)
        return Done((*told, said, pushed, follows), plan, report=report)
    judge_unmoved(situation, plan.tag.name)
    made = make_tag(facts.top, plan.tag, commit)
    new_tag = Move(f"refs/tags/{plan.tag.name}", made, None)
    remarks = plan.notes
    if candidate is None:
        told += switch(
            facts.top, run.store.folder, [new_tag], f"nox-release: {plan.tag.name}", None
        )
    else:
        remarks = (*plan.notes, *candidate.remarks)
        with removed_afterwards(run.project):
            told += _move(run, plan, candidate, [new_tag])
    said = f"{_step(plan)} in {commit[:12]} on {plan.branch}, tagged {plan.tag.name}"
    back = [Move(new_tag.ref, "0" * len(made), made)]
    if candidate is not None:
        back.insert(0, Move(f"refs/heads/{plan.branch}", plan.base, commit))
    after = _push_release(run, situation, commit, plan.tag.name, made, back)
    return Done((*told, said, *after), plan, remarks, report)


def _tag_and_push(
    run: Run,
    situation: Situation,
    version: Version,
    request: Request,
    extra: Mapping[str, Gate],
    told: list[str],
) -> Done:
    """Tag this commit if its evidence is complete, and push; go on where a run was cut short."""
    project, facts = situation.project, situation.facts
    name = situation.names_here(version) or project.tag_of(project.spell(version))
    made = git(project.root, "rev-parse", "--verify", "--quiet", f"refs/tags/{name}", check=False)
    found = made.stdout.strip()
    if situation.remote and situation.asked.tag(name) == situation.commit:
        branch = situation.asked.branch(situation.branch)
        contained = branch is not None and contains(project.root, branch, situation.commit)
        released_there = f"{version} is released: {situation.remote} has {name} on this commit"
        if contained and has_all(situation.asked, [(f"refs/tags/{name}", found)]):
            return Done((*told, released_there, _after(situation, name)))
        if contained and not found:
            ref = f"refs/tags/{name}:refs/tags/{name}"
            fetch(facts.remote_base, situation.remote, ref)
            brought = f"brought {name} here"
            return Done((*told, released_there, brought, _after(situation, name)))
    there = situation.asked.tag_object(name)
    if found and there not in {None, found}:
        raise ReleaseError(
            Problem(
                f"the tag {name} here is another one than on {situation.remote}",
                remedy=f"the published one stays: git tag --delete {name} && git fetch"
                f" {situation.remote} tag {name}, then run this again",
            )
        )
    judge_tree(situation, version)
    # A tag that is here already was made by a run that was cut short or by hand: no proof at all.
    judge_free(situation, version)
    _judge_evidence(run, situation, extra)
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
    run: Run,
    situation: Situation,
    commit: str,
    tag_name: str,
    tag_object: str,
    back: list[Move],
) -> tuple[str, ...]:
    """Push branch and tag together; undo what this run made if the remote had moved on.

    `back` are the moves that undo it. Raises ReleaseError when the push was refused.
    """
    if situation.remote is None:
        return ("there is no remote to push to",)
    remote, branch = situation.remote, situation.branch
    refs = [(f"refs/heads/{branch}", commit), (f"refs/tags/{tag_name}", tag_object)]
    done = push(situation.facts.top, remote, refs, situation.asked)
    if done.done:
        return (f"pushed {branch} and {tag_name} to {remote}", _after(situation, tag_name))
    raise _refused(run, situation, done, back)


def _refused(run: Run, situation: Situation, done: Pushed, back: list[Move]) -> ReleaseError:
    remote = situation.remote
    if done.arrived:
        return ReleaseError(
            Problem(
                f"{remote} took {' and '.join(done.arrived)}, and refused the rest: {done.why}",
                remedy="what it took stays, there and here; settle what it says and run this again:"
                " only what is missing is pushed",
            )
        )
    if not done.moved or not back:
        return ReleaseError(
            Problem(
                f"{remote} refused the push, and has neither branch nor tag: {done.why}",
                remedy="both are ready here; settle what it says and run this again to push them"
                " (a protected branch takes releases by tool.release.pull-request-branch)",
            )
        )
    _undo(run, situation, back)
    return ReleaseError(
        Problem(
            f"{remote} moved on meanwhile, and took neither branch nor tag: {done.why}",
            remedy=f"nothing was changed here; git pull --ff-only {remote} {situation.branch}, and"
            " run this again",
        )
    )


def _undo(run: Run, situation: Situation, back: list[Move]) -> None:
    """Take back the refs that this very run made and nobody else has seen."""
    top = situation.facts.top
    branch = [move for move in back if move.ref.startswith("refs/heads/")]
    source = None
    if branch:
        from release.change.candidate import add_worktree

        source = add_worktree(situation.project, branch[0].new)
    with removed_afterwards(situation.project):
        switch(top, run.store.folder, back, "nox-release: the remote had moved on", source)


def _judge_evidence(run: Run, situation: Situation, extra: Mapping[str, Gate]) -> None:
    """Raise ReleaseError unless the evidence is complete and fresh for exactly this commit."""
    report = collect_here(run, extra)
    if report.verdict is Verdict.READY:
        return
    open_gates: dict[str, list[str]] = {}
    for evidence in report.gates:
        status, name = evidence.outcome.status, evidence.gate
        counts = report.required[name] != "never" and name not in report.left_to_ci
        if counts and status in {Status.FAILED, Status.UNCHECKED}:
            said = f"{status}: {evidence.outcome.summary}"
            open_gates.setdefault(said, []).append(name)
    raise ReleaseError(
        Problem(
            f"the evidence for {situation.commit[:12]} is not complete",
            remedy="nox -s release_preflight, then run this again",
        ),
        *(Problem(f"{', '.join(names)} {said}") for said, names in open_gates.items()),
    )


def _push_branch(situation: Situation, branch: str, commit: str) -> str:
    if situation.remote is None:
        return "there is no remote to push to"
    refs = [(f"refs/heads/{branch}", commit)]
    done = push(situation.facts.top, situation.remote, refs, situation.asked)
    if not done.done:
        raise ReleaseError(
            Problem(
                f"{situation.remote} refused {branch}: {done.why}",
                remedy="the branch is ready here; settle that and run this again",
            )
        )
    return f"pushed {branch} to {situation.remote}"


def _again(
    situation: Situation,
    version: Version,
    branch: str,
    commit: str,
    request: Request,
    told: list[str],
) -> Done:
    """Go on with the branch of a release that is there already."""
    root = situation.project.root
    if git(root, "cat-file", "-e", f"{commit}^{{commit}}", check=False).returncode != 0:
        base, options = situation.facts.remote_base, ("--no-write-fetch-head", "--refmap=")
        fetch(base, str(situation.remote), f"refs/heads/{branch}", *options)
    if not contains(root, commit, situation.commit):
        raise ReleaseError(
            Problem(
                f"the branch {branch} is there already, and not made from this commit",
                remedy="merge it, or delete it here and on the remote",
            )
        )
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
            f"the commit that was judged is in {path}, for a look; mend it on the release branch,"
            " commit there, and run this again"
        )
    return Done(tuple(said), plan, plan.notes if plan else (), report)


def _next(situation: Situation, version: Version, *, pushed: bool = False) -> str:
    """The one next step after the files say the version."""
    branch = planned_branch(situation, version)
    if branch != situation.branch:
        push_it = ""
        if situation.remote and not pushed and not situation.asked.branch(branch):
            push_it = f"git push {situation.remote} {branch}, "
        return (
            f"next: {push_it}open and merge its pull request, then on {situation.branch}:"
            " nox -s release_preflight, nox -s tag"
        )
    return "next: nox -s release_preflight, then nox -s tag"


def _after(situation: Situation, tag_name: str) -> str:
    """What follows the push of a tag."""
    if not situation.project.settings.publish:
        return f"next: nothing; {tag_name} goes to no index"
    if situation.project.settings.publishing == "manual":
        return f"next: publish {tag_name} by hand; its push triggers nothing"
    return f"next: watch the workflow that the push of {tag_name} started"


def _nothing_to_edit(version: Version) -> str:
    return f"no file names a version: {version} is its tag alone; next: nox -s tag -- {version}"


def _step(plan: Plan) -> str:
    return f"{plan.previous} → {plan.version}" if plan.previous else plan.version
