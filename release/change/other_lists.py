"""Reads which version places the tables of other release tools, and of older files, list.

What they list is edited like an entry of [tool.bumpversion], as often as it is there: a tool that
is named in pyproject.toml has its own way to say what is wrong with its table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from release.change.searches import SEARCH, ListedPlace
from release.change.version_table import check
from release.errors import ConfigurationError
from release.project import as_table
from release.text import ini

if TYPE_CHECKING:
    from release.project import Project


INI_TABLES = (".bumpversion.cfg", "setup.cfg")


def places_of_others(project: Project) -> list[ListedPlace]:
    """The places that .bumpversion.cfg and the tables of other release tools list."""
    return [
        *(place for name in INI_TABLES for place in _ini_table(project.root, name)),
        *_semantic_release(project.tool("semantic_release")),
        *_commitizen(project.tool("commitizen")),
        *_tbump(project.tool("tbump")),
    ]


def _ini_table(root: Path, name: str) -> Iterator[ListedPlace]:
    """[bumpversion] current_version, and each [bumpversion:file:PATH]."""
    try:
        sections = ini.loads((root / name).read_text(encoding="utf-8-sig"), name)
    except (OSError, UnicodeDecodeError, ConfigurationError):
        return
    if "bumpversion" not in sections:
        return
    yield _place(name, r"^(current_version\s*[=:]\s*)" + SEARCH, r"\g<1>{new_version}", regex=True)
    for section, keys in sections.items():
        if file := re.fullmatch(r"bumpversion:file(?:\s*\([^()]*\))?:(.+)", section):
            search = keys.get("search") or SEARCH
            formats = keys.get("serialize", "").split()
            place = replace(
                _place(file[1], search, keys.get("replace", "{new_version}")),
                serialize=formats[0] if len(formats) == 1 else None,
            )
            with suppress(ConfigurationError):
                check(place, given="replace" in keys)
                yield place


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
            search = rf"(?<![\w.])([\"']?{_literal(name)}[\"']?[ \t]*(?::=|=|:)[ \t]*[\"']?)"
            yield _place(path, search + SEARCH, r"\g<1>{new_version}", regex=True)


def _commitizen(table: Mapping[str, Any]) -> Iterator[ListedPlace]:
    """`version_files`: "path", or "path:expression" for the lines that the expression finds."""
    for item in _texts(table.get("version_files")):
        path, _, expression = item.partition(":")
        if not expression:
            yield _place(path)
            continue
        line = rf"^(?=[^\n]*?(?:{expression}))(?P<before_version>[^\n]*?)"
        if _is_regex(line):
            search = _doubled(line) + SEARCH
            yield _place(path, search, r"\g<before_version>{new_version}", regex=True)


def _tbump(table: Mapping[str, Any]) -> Iterator[ListedPlace]:
    """[[tool.tbump.file]]: `src`, and `search` with {current_version} where it is given."""
    files = table.get("file")
    for entry in map(as_table, files if isinstance(files, list) else []):
        path, search = entry.get("src"), entry.get("search", SEARCH)
        # A template of tbump's own makes something else than the version.
        if isinstance(path, str) and isinstance(search, str) and "version_template" not in entry:
            before, found, after = map(_doubled, search.partition(SEARCH))
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
    return ListedPlace(
        PurePosixPath(path).as_posix(),
        search,
        replace,
        regex,
        expected=0,
        ignore_missing_file=True,
        ignore_missing_version=True,
        key_path=key_path,
    )


def _is_regex(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _literal(text: str) -> str:
    return _doubled(re.escape(text))


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]
