"""The checklist as Markdown, for a CI job's summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from release.model import Evidence, Finding, Status, Verdict
from release.report.causes import causes
from release.run.checklist import AS_BEFORE, Report
from release.text.escaping import code, markdown

MARKS = {
    Status.PASSED: "✅",
    Status.FAILED: "❌",
    Status.UNCHECKED: "❔",
    Status.NOT_APPLICABLE: "➖",
}
VERDICTS = {Verdict.READY: "✅", Verdict.INCOMPLETE: "❔", Verdict.BLOCKED: "❌"}


def render(report: Report) -> str:
    """The whole report: counts, what failed, what is to be checked, all gates, advice."""
    title = f"{report.project} {report.version or ''}".strip()
    lines = [f"## {VERDICTS[report.verdict]} {markdown(title)}: {markdown(report.counts)}", ""]
    lines += [f"{markdown(report.judges)}.", ""] if report.judges else []
    changes = " with uncommitted changes" if report.dirty else ""
    lines.append(f"Commit {code(report.commit[:12] or 'none')}{changes}, {report.seconds:.1f} s.")
    if report.disturbed:
        lines.append(f"Changed while it was judged: {', '.join(map(code, report.disturbed))}.")
    if report.left_to_ci:
        lines.append(f"Left to CI: {markdown(', '.join(report.left_to_ci))}.")
    for status in (Status.FAILED, Status.UNCHECKED):
        for evidence in report.of(status):
            lines += ["", f"### {MARKS[status]} {markdown(evidence.gate)}: {status.value}", ""]
            lines += _causes(evidence.outcome.blocking)
            lines += ["", f"{AS_BEFORE}."] if evidence.reused else []
    lines += ["", "### All gates", ""]
    lines += ["| | gate | | checked | seconds |", "|---|---|---|---:|---:|"]
    for evidence in report.gates:
        outcome = evidence.outcome
        duration = "reused" if evidence.reused else f"{evidence.seconds:.1f}"
        lines.append(
            f"| {MARKS[outcome.status]} | {markdown(evidence.gate)}{_asked(report, evidence)} |"
            f" {markdown(outcome.summary)} | {outcome.checked or ''} | {duration} |"
        )
    for evidence in report.gates:
        if advice := evidence.outcome.advice:
            lines += ["", f"### {markdown(evidence.gate)}: suggestions ({len(advice)})", ""]
            lines += _causes(advice)
    for evidence in report.gates:
        if notes := evidence.outcome.notes:
            lines += ["", f"### {markdown(evidence.gate)}: noted", "", *_causes(notes)]
    return "\n".join(lines) + "\n"


def _asked(report: Report, evidence: Evidence) -> str:
    return " (not required)" if report.is_spared(evidence.gate) else ""


def _causes(findings: Iterable[Finding]) -> Iterator[str]:
    for cause in causes(findings):
        places = " ".join(map(code, cause.places))
        yield f"- {places} {markdown(cause.message)}" if places else f"- {markdown(cause.message)}"
        if cause.first.remedy:
            yield f"  → {markdown(cause.first.remedy)}"
