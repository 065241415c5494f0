"""Reads which version places the tables of other release tools, and of older files, list.

What they list is edited like an entry of [tool.bumpversion], as often as it is there: a tool that
is named in pyproject.toml has its own way to say what is wrong with its table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from release.change.searches import CONFIGURATION, SEARCH, ListedPlace, doubled, literal
from release.change.version_table import FLAG, KINDS, TEXTS, listed_places, unusable
from release.errors import ConfigurationError
from release.project import Project, as_list, as_table
from release.text import ini, toml
from release.text.toml import table_at

# Which bump-my-version reads in place of pyproject.toml.
OLDER = (".bumpversion.cfg", ".bumpversion.toml", "setup.cfg")
INI_ENTRY = re.compile(r"bumpversion:(file|glob)(?:\s*\([^()]*\))?:(.+)")


def places_of_others(project: Project, tracked: Sequence[str]) -> Iterator[ListedPlace]:
    """The places that older tables, and the tables of other release tools, list.

    `tracked` are the repository's files, for globs. Raises ConfigurationError for an older table
    that cannot be followed.
    """
    for name in OLDER:
        yield from _older(project.root / name, tracked)
    others = {
        "semantic_release": _semantic_release,
        "commitizen": _commitizen,
        "tbump": _tbump,
    }
    for name, read in others.items():
        for place in read(project.tool(name)):
            yield replace(place, table=f"[tool.{name}]")


def _older(path: Path, tracked: Sequence[str]) -> Iterator[ListedPlace]:
    """What a table of bump-my-version outside pyproject.toml lists, and its own version."""
    is_toml, name = path.suffix == ".toml", path.name
    table = (_of_toml if is_toml else _of_ini)(path)
    if isinstance(table.get("current_version"), str):
        own = r"^(current_version\s*[=:]\s*)" + SEARCH
        place = _place(name, own, r"\g<1>{new_version}", regex=True)
        if is_toml:
            place = _place(name, key_path="tool.bumpversion.current_version")
        yield replace(place, file=name)
    try:
        listed = listed_places({**table, "ignore_missing_files": True}, tracked, {})
    except ConfigurationError as error:
        raise ConfigurationError(*(replace(one, path=name) for one in error.problems)) from None
    for place in listed:
        yield replace(place, expected=0, file=name)


def _of_toml(path: Path) -> Mapping[str, Any]:
    try:
        data = toml.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return table_at(data, "tool", "bumpversion")


def _of_ini(path: Path) -> Mapping[str, Any]:
    """[bumpversion] and its [bumpversion:file:PATH], as they would stand in a TOML file."""
    sections = ini.sections(path)
    entries = [
        {**_typed(keys), "filename" if found[1] == "file" else "glob": found[2]}
        for section, keys in sections.items()
        if (found := INI_ENTRY.fullmatch(section))
    ]
    return {**_typed(sections.get("bumpversion", {})), "files": entries}


def _typed(keys: Mapping[str, str]) -> Mapping[str, Any]:
    """The keys of a section as the values that they mean; several formats are left to the tool."""
    typed = {key: _value(key, text) for key, text in keys.items()}
    if len(typed.get("serialize", [])) != 1:
        typed.pop("serialize", None)
    return typed


def _value(key: str, text: str) -> Any:
    kind = KINDS.get(key)
    if kind == FLAG:
        return text.lower() in {"1", "true", "yes", "on"}
    return text.split() if kind == TEXTS else text


def _semantic_release(table: Mapping[str, Any]) -> Iterator[ListedPlace]:
    """`version_toml` and `version_variables`: "path:key", or "path:key:format"."""
    for item in _texts(table.get("version_toml")):
        path, _, key = item.partition(":")
        if path.endswith(".toml") and key:
            yield _place(path, key_path=key.partition(":")[0])
    for item in _texts(table.get("version_variables")):
        path, _, rest = item.partition(":")
        name, _, form = rest.partition(":")
        if name and form in {"", "nf"}:
            search = rf"(?<![\w.])([\"']?{literal(name)}[\"']?[ \t]*(?::=|=|:)[ \t]*[\"']?)"
            yield _place(path, search + SEARCH, r"\g<1>{new_version}", regex=True)


def _commitizen(table: Mapping[str, Any]) -> Iterator[ListedPlace]:
    """`version`, and `version_files`: "path", or "path:expression" for lines that this finds."""
    if "version" in table and table.get("version_provider", "commitizen") == "commitizen":
        yield _place(CONFIGURATION, key_path="tool.commitizen.version")
    for item in _texts(table.get("version_files")):
        path, _, expression = item.partition(":")
        if not expression:
            yield _place(path)
            continue
        line = rf"^(?=[^\n]*?(?:{expression}))(?P<before_version>[^\n]*?)"
        if not unusable(line):
            search = doubled(line) + SEARCH
            yield _place(path, search, r"\g<before_version>{new_version}", regex=True)


def _tbump(table: Mapping[str, Any]) -> Iterator[ListedPlace]:
    """`version.current`, and [[tool.tbump.file]]: `src` and `search` with {current_version}."""
    if "current" in as_table(table.get("version")):
        yield _place(CONFIGURATION, key_path="tool.tbump.version.current")
    for entry in map(as_table, as_list(table.get("file"))):
        path, search = entry.get("src"), entry.get("search", SEARCH)
        # A template of tbump's own makes something else than the version.
        if isinstance(path, str) and isinstance(search, str) and "version_template" not in entry:
            before, found, after = map(doubled, search.partition(SEARCH))
            if found:
                yield _place(path, before + SEARCH + after, f"{before}{{new_version}}{after}")


def _place(
    path: str,
    search: str = SEARCH,
    replace: str = "{new_version}",
    *,
    regex: bool = False,
    key_path: str | None = None,
) -> ListedPlace:
    path = PurePosixPath(path).as_posix()
    return ListedPlace(path, search, replace, regex, expected=0, key_path=key_path)


def _texts(value: Any) -> list[str]:
    return [item for item in as_list(value) if isinstance(item, str)]
