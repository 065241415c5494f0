"""Finds the place of a version that the project's files do not state in a way that is read."""

from __future__ import annotations

import json
import re

from release.change.mentions import other_mentions
from release.change.sources import mentions
from release.project import Project
from release.project.version_source import VERSION_CONTROL

ASSIGNED = re.compile(r"version\w*[\"']?\s*[:=]", re.I)


def version_table(project: Project) -> str:
    """[tool.bumpversion] for a version that nothing tells, as TOML; empty where none is needed.

    It is looked for by the last release's version: one line of one file must assign it.
    """
    if project.version is not None or project.version_source == VERSION_CONTROL:
        return ""
    last = max(project.released.items(), key=lambda one: one[1], default=None)
    if last is None or project.configures("bumpversion"):
        return ""
    start, _, end = project.tag_template.partition("{version}")
    version = last[0].removeprefix(start).removesuffix(end)
    lines = {(path, number): text for path, number, text in mentions(project, version)}
    numbered = ((path, number, text) for (path, number), text in lines.items())
    found = other_mentions(numbered, version, name=project.name)
    texts = [(str(f.path), lines[str(f.path), f.line or 0].strip()) for f in found]
    stated = [(path, text) for path, text in texts if ASSIGNED.search(text)]
    if len(stated) != 1 or stated[0][1].count(version) != 1:
        return ""
    path, text = stated[0]
    text = text.replace("{", "{{").replace("}", "}}")
    shown = [text.replace(version, f"{{{which}_version}}") for which in ("current", "new")]
    search, replacement = (json.dumps(one, ensure_ascii=False) for one in shown)
    return (
        f"\n[tool.bumpversion]\ncurrent_version = {json.dumps(version)}\n"
        f"\n[[tool.bumpversion.files]]\nfilename = {json.dumps(path, ensure_ascii=False)}\n"
        f"search = {search}\nreplace = {replacement}\n"
    )
