"""The checklist as Markdown, for a CI job's summary."""

from __future__ import annotations

from release.model import Status, Verdict
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
    """The whole report: verdict, a table of gates, then each finding with its remedy."""
    title = f"{report.project} {report.version or ''}".strip()
    lines = [f"## {VERDICTS[report.verdict]} {markdown(title)}: {report.verdict.value}", ""]
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
    for evidence in report.gates:
        if not evidence.outcome.findings:
            continue
        lines += ["", f"### {markdown(evidence.gate)}: {evidence.outcome.status.value}", ""]
        for finding in evidence.outcome.findings:
            place = ""
            if finding.path:
                line = f":{finding.line}" if finding.line is not None else ""
                place = f"{code(finding.path + line)} "
            lines.append(f"- {place}{markdown(finding.message)}")
            if finding.remedy:
                lines.append(f"  → {markdown(finding.remedy)}")
    return "\n".join(lines) + "\n"
