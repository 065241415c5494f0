"""The receipt of a release: what was judged of a tag, tied to the files that were made of it.

An in-toto statement (https://github.com/in-toto/attestation/tree/main/spec/v1) whose predicate is a
test result (spec/predicates/test-result.md there). Its subjects are the distributions, so it can be
signed like any attestation; its Markdown twin says the same to people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from release.errors import ReleaseError
from release.model import Evidence, Status
from release.observe.receipt import NAME, STATEMENT, TAG, TEST_RESULT
from release.project import Project
from release.run.checklist import Report
from release.text.changelog import entry
from release.text.escaping import code, markdown
from release.text.versions import parse

JSON, TEXT = NAME, "receipt.md"


def receipt(report: Report, project: Project, environ: Mapping[str, str]) -> dict[str, str | None]:
    """The receipt as JSON and as Markdown, by file name; None unless a tag was judged as ready.

    `environ` is where GitHub says which run this is.
    """
    tag = _tag(report, project)
    statement = _statement(report, project, tag, environ) if tag else None
    if statement is None:
        return {JSON: None, TEXT: None}
    text = json.dumps(statement, indent=1, ensure_ascii=False) + "\n"
    return {JSON: text, TEXT: _markdown(report, tag or "", statement)}


def _tag(report: Report, project: Project) -> str | None:
    """The tag of the release that was judged, on this very commit."""
    if report.verdict.value != "ready" or report.dirty or project.planned_tag:
        return None
    judged = parse(report.version or "")
    return next((tag for tag, found in project.released_here.items() if found == judged), None)


def _statement(
    report: Report, project: Project, tag: str, environ: Mapping[str, str]
) -> dict[str, Any] | None:
    subjects = [
        {"name": artifact.name, "digest": {"sha256": artifact.sha256}}
        for evidence in report.gates
        if evidence.gate == "build"
        for artifact in evidence.outcome.artifacts
    ]
    if not subjects:
        return None
    passed = report.of(Status.PASSED)
    predicate = {
        "result": "PASSED",
        "url": _run_address(environ),
        "configuration": list(_configuration(report, project, tag)),
        "passedTests": [evidence.gate for evidence in passed if not evidence.outcome.advice],
        "warnedTests": [evidence.gate for evidence in passed if evidence.outcome.advice],
        "failedTests": [],
    }
    return {
        "_type": STATEMENT,
        "subject": subjects,
        "predicateType": TEST_RESULT,
        "predicate": {key: value for key, value in predicate.items() if value is not None},
    }


def _configuration(report: Report, project: Project, tag: str) -> Iterator[dict[str, Any]]:
    """What was judged and by what: the commit, the changelog's section, each gate's evidence."""
    yield {
        "name": f"{project.name} {report.version}",
        "uri": f"{TAG}{tag}",
        "digest": {"gitCommit": report.commit, "gitTree": report.tree},
    }
    section = _section(report, project)
    if section is not None:
        yield {"name": project.changelog, "digest": {"sha256": _sha256(section)}}
    for evidence in report.gates:
        if evidence.gate != "build":
            yield from (
                {"name": artifact.name, "digest": {"sha256": artifact.sha256}}
                for artifact in evidence.outcome.artifacts
            )
        yield _of_gate(evidence)


def _of_gate(evidence: Evidence) -> dict[str, Any]:
    outcome = evidence.outcome
    return {
        "name": f"gate {evidence.gate}",
        "digest": {"sha256": _sha256(json.dumps(evidence.as_json(), sort_keys=True))},
        "annotations": {
            "status": outcome.status.value,
            "summary": outcome.summary,
            "checked": outcome.checked,
            "tools": dict(evidence.tools),
        },
    }


def _section(report: Report, project: Project) -> str | None:
    """What the changelog says of the release, None where it has nothing that can be read."""
    version = parse(report.version or "")
    if project.changelog is None or version is None:
        return None
    try:
        text = (project.root / project.changelog).read_text(encoding="utf-8")
        return entry(text, project.changelog, version)
    except (OSError, ValueError, ReleaseError):
        return None


def _run_address(environ: Mapping[str, str]) -> str | None:
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (environ.get(name, "") for name in names)
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _markdown(report: Report, tag: str, statement: Mapping[str, Any]) -> str:
    lines = [f"# {markdown(f'{report.project} {report.version}')}", ""]
    lines.append(f"Tag {code(tag)}, commit {code(report.commit)}.")
    if url := statement["predicate"].get("url"):
        lines.append(f"Judged in {code(url)}.")
    lines += ["", "| file | sha256 |", "|---|---|"]
    for subject in statement["subject"]:
        lines.append(f"| {code(subject['name'])} | {code(subject['digest']['sha256'])} |")
    lines += ["", "| gate | | checked |", "|---|---|---:|"]
    for evidence in report.gates:
        outcome = evidence.outcome
        said = markdown(f"{outcome.status.value}: {outcome.summary}")
        lines.append(f"| {markdown(evidence.gate)} | {said} | {outcome.checked or ''} |")
    return "\n".join(lines) + "\n"
