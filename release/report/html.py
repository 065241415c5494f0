"""The checklist as a page of its own: no script, nothing fetched from elsewhere."""

from __future__ import annotations

from pathlib import Path

from release.report.causes import causes
from release.run.checklist import Report
from release.text import escaping

PACKAGE = Path(__file__).resolve().parent.parent
FOLDERS = (PACKAGE / "templates", PACKAGE.parent / "templates")


def render(report: Report) -> str:
    """The whole report as an HTML document; everything that tools said is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDERS),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("preflight.html").render(report=report, causes=causes)


def _shown(value: object) -> object:
    return escaping.html(value) if isinstance(value, str) else value
