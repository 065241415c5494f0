"""What `prove` plants for the gate audit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from release.project import Project
from release.run.planting import Copy, Defect, nothing, with_table


def expired_ignore(copy: Copy, project: Project) -> Project:
    from release.gates.audit.settings import AuditIgnore, AuditSettings

    long_ago = min(e.started for e in copy.clean.values()).date() - timedelta(days=400)
    ignore = AuditIgnore(id="PLANTED-1", reason="planted", expires=long_ago)
    kept = project.settings.gates.of("audit", AuditSettings).ignore
    return _vulnerable(copy, project, ignore=(*kept, ignore))


def vulnerable_dependency(copy: Copy, project: Project) -> Project:
    return _vulnerable(copy, project)


def _vulnerable(copy: Copy, project: Project, **more: Any) -> Project:
    from release.gates.audit.settings import AuditSettings

    url = f"{copy.server}/v1/query"
    return with_table(project, "audit", AuditSettings, service="osv", osv_url=url, **more)


DEFECTS = (
    Defect(
        "a vulnerable dependency, by advisories on loopback",
        nothing,
        "PLANTED-2026",
        committed=False,
        amend=vulnerable_dependency,
    ),
    Defect(
        "an ignore that has expired",
        nothing,
        "PLANTED-1 expired",
        committed=False,
        amend=expired_ignore,
    ),
)
