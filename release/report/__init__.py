"""Siblings that turn what was judged or planned into text; only the edge prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from release.run.checklist import Report


def pages(report: Report) -> dict[str, str]:
    """What people read of a report, by file name."""
    from release.report import html, markdown

    return {"preflight.md": markdown.render(report), "preflight.html": html.render(report)}
