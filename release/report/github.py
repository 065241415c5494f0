"""Findings as annotations of a GitHub Actions job: workflow commands, a line each.

How they are escaped is what the runner undoes (actions/runner, ActionCommand); how many of a kind
GitHub keeps of a step is in its documentation of usage limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from release.model import Evidence, Finding, Status
from release.run.checklist import Report
from release.text.escaping import visible

Kind = Literal["error", "warning", "notice"]
KEPT = 10
LARGEST = 1_000_000  # of 1 MiB, which other commands of the step may write to as well
MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY = {**MESSAGE, ":": "%3A", ",": "%2C"}


def render(report: Report, located: Callable[[str], str] = str) -> str:
    """What blocks as errors, what was not judged as warnings, and advice as notices.

    `located` tells the place in the repository of a path that a finding names. GitHub keeps ten of
    a kind: the tenth says how many more there are.
    """
    commands: dict[Kind, list[str]] = {"error": [], "notice": [], "warning": []}
    for evidence in report.gates:
        for finding in evidence.outcome.findings:
            kind = _kind(report, evidence, finding)
            commands[kind].append(_command(kind, evidence.gate, finding, located))
    kept = [line for kind, lines in commands.items() for line in _kept(kind, lines)]
    return "".join(f"{line}\n" for line in kept)


def _kind(report: Report, evidence: Evidence, finding: Finding) -> Kind:
    if finding.advice or report.is_spared(evidence.gate):
        return "notice"
    return "error" if evidence.outcome.status is Status.FAILED else "warning"


def _kept(kind: Kind, lines: list[str]) -> Iterable[str]:
    if len(lines) <= KEPT:
        return lines
    rest = len(lines) - KEPT + 1
    said = f"and {rest} more: the job's summary and the report have all of them"
    return [*lines[: KEPT - 1], f"::{kind} title=nox-release::{said}"]


def _command(kind: Kind, gate: str, finding: Finding, located: Callable[[str], str]) -> str:
    remedy = f"\n{finding.remedy}" if finding.remedy else ""
    place = {"file": located(finding.path)} if finding.path else {}
    line = {"line": str(finding.line)} if finding.path and finding.line else {}
    properties = {**place, **line, "title": gate}
    told = ",".join(f"{name}={_escaped(text, PROPERTY)}" for name, text in properties.items())
    return f"::{kind} {told}::{_escaped(finding.message + remedy, MESSAGE)}"


def summary(text: str) -> str:
    """As much of a job's summary as GitHub takes of one step."""
    octets = text.encode("utf-8", "replace")
    if len(octets) <= LARGEST:
        return text
    whole = octets[:LARGEST].rpartition(b"\n")[0].decode("utf-8", "replace")
    return f"{whole}\n\nThe rest is in the report.\n"


def _escaped(text: str, table: Mapping[str, str]) -> str:
    return visible(text).translate({ord(c): code for c, code in table.items()})
