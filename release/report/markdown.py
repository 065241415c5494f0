"""The checklist as Markdown, for a CI job's summary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from release.model import Finding, Status, Verdict
from release.report.causes import causes
from release.run.checklist import Report

MARKS = {
    Status.PASSED: "✅",
    Status.FAILED: "❌",
    Status.UNCHECKED: "❔",
    Status.NOT_APPLICABLE: "➖",
}
VERDICTS = {Verdict.READY: "✅", Verdict.INCOMPLETE: "❔", Verdict.BLOCKED: "❌"}


def render(report: Report) -> str:
    """The whole report: counts, a table of gates, what failed, what is to be checked, advice."""
    title = f"{report.project} {report.version or ''}".strip()
    lines = [f"## {VERDICTS[report.verdict]} {escape(title)}: {report.counts}", ""]
    lines += [f"{escape(report.judges)}.", ""] if report.judges else []
    changes = " with uncommitted changes" if report.dirty else ""
    lines.append(f"Commit `{report.commit[:12] or 'none'}`{changes}, {report.seconds:.1f} s.")
    if report.disturbed:
        lines.append(f"Changed while it was judged: {escape(', '.join(report.disturbed))}.")
    if report.left_to_ci:
        lines.append(f"Left to CI: {', '.join(report.left_to_ci)}.")
    lines += ["", "| | gate | | checked | seconds |", "|---|---|---|---:|---:|"]
    for evidence in report.gates:
        outcome = evidence.outcome
        duration = "reused" if evidence.reused else f"{evidence.seconds:.1f}"
        lines.append(
            f"| {MARKS[outcome.status]} | {evidence.gate} | {escape(outcome.summary)} |"
            f" {outcome.checked or ''} | {duration} |"
        )
    for status in (Status.FAILED, Status.UNCHECKED):
        for evidence in report.of(status):
            lines += ["", f"### {evidence.gate}: {status.value}", ""]
            lines += _causes(evidence.outcome.blocking)
    for evidence in report.gates:
        if advice := evidence.outcome.advice:
            lines += ["", f"### {evidence.gate}: suggestions ({len(advice)})", ""]
            lines += _causes(advice)
    for evidence in report.gates:
        if notes := evidence.outcome.notes:
            lines += ["", f"### {evidence.gate}: noted", "", *_causes(notes)]
    return "\n".join(lines) + "\n"


def _causes(findings: Iterable[Finding]) -> Iterator[str]:
    for cause in causes(findings):
        places = " ".join(f"`{place.replace('`', '')}`" for place in cause.places)
        yield f"- {places} {escape(cause.message)}" if places else f"- {escape(cause.message)}"
        if cause.first.remedy:
            yield f"  → {escape(cause.first.remedy)}"


def escape(text: str) -> str:
    """Text that Markdown and HTML show as it is, on one line."""
    flat = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", flat)
