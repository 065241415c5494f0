"""Siblings that turn what was judged or planned into text; only the edge prints."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from release.project import Project
    from release.run.checklist import Report


def pages(report: Report, project: Project) -> dict[str, str | None]:
    """What people read of a report, by file name; None for what there is not, such as a receipt."""
    from release.report import html, markdown
    from release.report.receipt import receipt

    return {
        "preflight.md": markdown.render(report),
        "preflight.html": html.render(report),
        **receipt(report, project, os.environ),
    }
