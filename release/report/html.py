"""The checklist as a page of its own: no script, nothing fetched from elsewhere."""

from __future__ import annotations

from importlib.metadata import version

from release.model import Status
from release.registry import DISTRIBUTION
from release.render import environment
from release.report.causes import causes
from release.run.checklist import AS_BEFORE, Report
from release.text import escaping


def render(report: Report) -> str:
    """The whole report as an HTML document; everything that tools said is escaped."""
    template = environment(autoescape=True, finalize=_shown).get_template("preflight.html")
    return template.render(
        report=report,
        causes=causes,
        of=lambda name: report.of(Status(name)),
        tool=version(DISTRIBUTION),
        as_before=AS_BEFORE,
    )


def _shown(value: object) -> object:
    """Text escaped; what our own macros made of such is markup already."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return escaping.html(value)
    return value
