"""The checklist as Markdown, for a CI job's summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from release.model import Finding, Status, Verdict
from release.report.causes import causes
from release.run.checklist import Report
from release.text.escaping import code, markdown

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
    lines = [f"## {VERDICTS[report.verdict]} {markdown(title)}: {markdown(report.counts)}", ""]
    lines += [f"{markdown(report.judges)}.", ""] if report.judges else []
    changes = " with uncommitted changes" if report.dirty else ""
    lines.append(f"Commit {code(report.commit[:12] or 'none')}{changes}, {report.seconds:.1f} s.")
    if report.disturbed:
        lines.append(f"Changed while it was judged: {', '.join(map(code, report.disturbed))}.")
    if report.left_to_ci:
        lines.append(f"Left to CI: {markdown(', '.join(report.left_to_ci))}.")
    lines += ["", "| | gate | | checked | seconds |", "|---|---|---|---:|---:|"]
    for evidence in report.gates:
        outcome = evidence.outcome
        duration = "reused" if evidence.reused else f"{evidence.seconds:.1f}"
        lines.append(
            f"| {MARKS[outcome.status]} | {markdown(evidence.gate)} | {markdown(outcome.summary)} |"
            f" {outcome.checked or ''} | {duration} |"
        )
    for status in (Status.FAILED, Status.UNCHECKED):
        for evidence in report.of(status):
            lines += ["", f"### {markdown(evidence.gate)}: {status.value}", ""]
            lines += _causes(evidence.outcome.blocking)
    for evidence in report.gates:
        if advice := evidence.outcome.advice:
            lines += ["", f"### {markdown(evidence.gate)}: suggestions ({len(advice)})", ""]
            lines += _causes(advice)
    for evidence in report.gates:
        if notes := evidence.outcome.notes:
            lines += ["", f"### {markdown(evidence.gate)}: noted", "", *_causes(notes)]
    return "\n".join(lines) + "\n"


def _causes(findings: Iterable[Finding]) -> Iterator[str]:
    for cause in causes(findings):
        places = " ".join(map(code, cause.places))
        yield f"- {places} {markdown(cause.message)}" if places else f"- {markdown(cause.message)}"
        if cause.first.remedy:
            yield f"  → {markdown(cause.first.remedy)}"
