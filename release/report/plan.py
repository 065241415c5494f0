"""A plan as text: its edits as a unified diff, then the git commands that it comes down to."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Iterator
from itertools import islice

from release.model import Finding, Plan
from release.text.commands import as_called
from release.text.escaping import name, sentence, terminal

CONTEXT = 3


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


def diff(path: str, before: str | None, after: str) -> Iterator[str]:
    """The lines of a diff of one file in git's format; `before` is None where it is new."""
    old, new = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    yield f"diff --git {old} {new}"
    if before is None:
        yield "new file mode 100644"
        old = "/dev/null"
    if after == (before or ""):
        return
    yield f"--- {old}"
    yield f"+++ {new}"
    above, lines, wanted = _differing(before or "", after)
    for line in islice(difflib.unified_diff(lines, wanted, n=CONTEXT, lineterm="\n"), 2, None):
        if line.startswith("@@"):
            line = re.sub(r"(?<=[-+])\d+", lambda number: str(int(number[0]) + above), line)
        else:
            line = line[0] + line.partition(":")[2]
        text = line.removesuffix("\n")
        yield f"{text[:-1]}␍" if text.endswith("\r") else text
        if text == line:
            yield "\\ No newline at end of file"


def _differing(before: str, after: str) -> tuple[int, list[str], list[str]]:
    """How many lines two texts share at the top, and the lines of both that follow, context too.

    Without those that they share at the bottom: difflib takes minutes and memory for large texts.
    Before a colon, a line of the context has a number, so that difflib sees no change there.
    """
    room = min(len(before), len(after))
    first = _shared(room, lambda low, high: before[low:high] == after[low:high])
    old, new = len(before), len(after)
    end = _shared(
        room - first,
        lambda low, high: before[old - high : old - low] == after[new - high : new - low],
    )
    first = start = before.rfind("\n", 0, first) + 1
    last = stop = before.find("\n", old - end) + 1 or old
    for _ in range(CONTEXT):
        start = before.rfind("\n", 0, max(start - 1, 0)) + 1
        stop = before.find("\n", stop) + 1 or old
    top = [f"{n}:{line}" for n, line in enumerate(_lines(before[start:first]))]
    bottom = [f"-{n}:{line}" for n, line in enumerate(_lines(before[last:stop]))]
    cores = (before[first:last], after[first : new - (old - last)])
    lines, wanted = ([*top, *(f":{line}" for line in _lines(core)), *bottom] for core in cores)
    return before.count("\n", 0, start), lines, wanted


def _shared(room: int, alike: Callable[[int, int], bool]) -> int:
    """How many characters of at most `room` two texts have in common, found by halves."""
    low, high = 0, room
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if alike(low, middle) else (low, middle - 1)
    return low


# A line that lacks its end is another line, and said to lack it.
def _lines(text: str) -> list[str]:
    *ended, last = text.split("\n")
    return [*(f"{line}\n" for line in ended), *([last] if last else [])]


def _quoted(path: str) -> str:
    """A path as git writes it: in quotes, with escapes, where it is not plain text."""
    if path.isprintable() and not {'"', "\\"} & set(path):
        return path
    escapes = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
    octal = (
        escapes.get(c) or (c if c.isprintable() else "".join(f"\\{b:03o}" for b in c.encode()))
        for c in path
    )
    return f'"{"".join(octal)}"'


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
