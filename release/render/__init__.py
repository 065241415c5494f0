"""Renders what a release needs outside of the code: workflows, a hook, the procedure in prose.

Everything comes from `[tool.release]` and `templates/`; nothing is read of what lies there already.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from release.project import Project
from release.render import escaped
from release.render.facts import Facts, read
from release.render.stamp import stamped
from release.text import escaping

PACKAGE = Path(__file__).resolve().parent.parent
FOLDERS = (PACKAGE / "templates", PACKAGE.parent / "templates")
WORKFLOWS = ".github/workflows"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A file of the repository as the settings make it; `path` is relative to its root."""

    path: str
    text: str
    executable: bool = False

    @property
    def is_yaml(self) -> bool:
        return self.path.endswith((".yml", ".yaml"))


def files(project: Project, *, has_sessions: bool | None = None) -> tuple[Rendered, ...]:
    """Every file that the settings ask for.

    `has_sessions` says whether the project's noxfile will have our sessions; it is looked at unless
    that is given.

    Raises ConfigurationError for settings that contradict each other or would change a workflow's
    meaning, and for a forge that is not supported.
    """
    facts = read(project, has_sessions)
    command = facts.session("render")
    templates = _of_files(facts)
    return tuple(
        Rendered(
            path,
            stamped(path, templates.get_template(name).render().rstrip("\n") + "\n", command),
            executable,
        )
        for path, name, executable in _wanted(facts)
    )


def _wanted(facts: Facts) -> Iterator[tuple[str, str, bool]]:
    """The path of each file, its template, and whether it is a program."""
    wanted = {
        facts.workflow: "release.yml" if facts.publish else "",
        "provenance.yml": "provenance.yml" if facts.provenance == "reusable" else "",
        facts.chosen.gate or "": "gate.yml" if facts.chosen.gate else "",
        "ci.yml": "ci.yml" if facts.chosen.ci else "",
    }
    if facts.github:
        for name, template in wanted.items():
            if template:
                yield f"{WORKFLOWS}/{name}", f"workflows/{template}", False
        if facts.chosen.dependabot:
            yield ".github/dependabot.yml", "workflows/dependabot.yml", False
    else:
        yield ".gitlab-ci.yml", "workflows/gitlab-ci.yml", False
    if facts.hook:
        yield ".githooks/pre-push", "pre-push", True
    yield facts.chosen.document, "RELEASING.md", False


def environment(**options: Any) -> Environment:
    """What renders our templates; options are those of jinja2."""
    return Environment(  # noqa: S701 - pages escape, elsewhere values have the filter of their place
        loader=FileSystemLoader(FOLDERS),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        **options,
    )


def _of_files(facts: Facts) -> Environment:
    # No delimiter that a workflow's own expressions have, or that YAML and shell need.
    made = environment(
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_without_end,
    )
    made.filters.update(
        yaml=escaped.yaml,
        flow=escaped.flow,
        job=escaped.job,
        sh=shlex.quote,
        md=escaping.markdown,
        code=escaping.code,
    )
    made.globals.update(facts.values())
    return made


def _without_end(value: object) -> object:
    """What a macro gives, without the line end that stands behind its call."""
    return value.removesuffix("\n") if isinstance(value, str) else value
