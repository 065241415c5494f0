"""A plan as text: its edits as a unified diff, then the git commands that it comes down to."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from release.model import Finding, Plan
from release.project.diff import diff
from release.text.commands import as_called
from release.text.escaping import name, sentence, terminal


def render(plan: Plan) -> str:
    """The plan for people, ending in a newline; the same object is what is carried out.

    The diff is in git's format, so that `git apply` takes it; but a carriage return at the end of a
    line is shown as ␍, and what cannot be seen as an escape. The git commands are those
    that one would type for the same effect; the files, the branch and the tag change in one step
    instead.
    """
    before = "" if plan.previous == plan.version else plan.previous or "(no version in files)"
    lines = [f"{plan.name} {before and f'{before} → '}{plan.version}", ""]
    for edit in plan.edits:
        lines += diff(edit.path, edit.before, edit.after)
    for command in plan.commands:
        lines.append(f"$ {shlex.join(command)}")
    lines += plan.made.split("\n")[:-1]
    lines += [f"$ {line}" for line in _git(plan)]
    if plan.commit_message:
        lines += ["", "The commit says:", ""]
        lines += [f"    {line}".rstrip() for line in plan.commit_message.rstrip("\n").split("\n")]
    if plan.tag:
        lines += ["", "The tag says:", ""]
        lines += [f"    {line}".rstrip() for line in plan.tag.message.split("\n")]
    notes = list(remarks(plan.notes))
    if notes:
        lines += ["", *notes]
    return terminal("\n".join(lines) + "\n")


def remarks(findings: tuple[Finding, ...]) -> Iterator[str]:
    """A line for each remark, and one for what to do about it."""
    for finding in findings:
        place = name(finding.path or "")
        if finding.path and finding.line:
            place += f":{finding.line}"
        message = sentence(finding.message)
        yield f"! {place}: {message}" if place else f"! {message}"
        if finding.remedy:
            yield f"  → {sentence(as_called(finding.remedy))}"


def _git(plan: Plan) -> Iterator[str]:
    sign = {None: "", True: " --gpg-sign", False: " --no-gpg-sign"}
    if plan.new_branch:
        yield shlex.join(["git", "switch", "--create", plan.branch, plan.base[:12]])
    if plan.commit_message:
        paths = [edit.path for edit in plan.edits] + list(plan.writes)
        yield shlex.join(["git", "add", "--", *paths])
        first = plan.commit_message.partition("\n")[0]
        yield f"git commit{sign[plan.sign_commit]} --message {shlex.quote(first)} …"
    if plan.tag:
        kind = {None: "--annotate", True: "--sign", False: "--annotate --no-sign"}[plan.tag.sign]
        first = plan.tag.message.partition("\n")[0]
        yield f"git tag {kind} --message {shlex.quote(first)} {shlex.quote(plan.tag.name)}"
    if plan.remote and plan.pushes:
        yield shlex.join(["git", "push", "--atomic", "--no-follow-tags", plan.remote, *plan.pushes])
