"""Finds what lock files say of the project itself, which its version bump must keep true."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from release.change.searches import ListedPlace
from release.project import Project, as_list, as_table
from release.text import toml
from release.text.versions import as_cargo, parse

UV, CARGO, NPM = "uv.lock", "Cargo.lock", "package-lock.json"
MANIFEST = "package.json"
READ = (UV, CARGO, NPM, "Cargo.toml")


def own_entries(
    project: Project, texts: Mapping[str, str], edited: Collection[str], version: str
) -> list[ListedPlace]:
    """The places in lock files that state the project's own version.

    `edited` are the paths of the manifests whose version changes to `version`: a lock follows its
    manifest. What cannot be read, or says another version than the project, has no place here: its
    own tool has to write it anew.
    """
    places = []
    if UV in texts and "pyproject.toml" in edited:
        places += _of_packages(UV, texts[UV], project.name, project.version or "", version)
    if CARGO in texts and "Cargo.toml" in edited:
        crate = as_table(_toml(texts.get("Cargo.toml", "")).get("package")).get("name")
        places += _of_packages(CARGO, texts[CARGO], str(crate), project.version or "", version)
    if NPM in texts and MANIFEST in edited:
        known = any(place.path == MANIFEST for place in project.version_places)
        spelled = as_cargo(version) if known else version  # as it becomes in the manifest
        places += _of_npm(texts[NPM], project.version or "", spelled)
    return places


def _of_packages(path: str, text: str, name: str, previous: str, version: str) -> list[ListedPlace]:
    """The entry of a list of [[package]] tables that was made from the project's own folder."""
    for package in map(as_table, as_list(_toml(text).get("package"))):
        source = package.get("source")
        own = source is None or {"editable": ".", "virtual": "."}.items() & as_table(source).items()
        if canonicalize_name(str(package.get("name"))) != canonicalize_name(name) or not own:
            continue
        if parse(str(package.get("version"))) == parse(previous) is not None:
            entry = f'name = "{package["name"]}"\nversion = '
            spelled = as_cargo(version) if path == CARGO else str(parse(version) or version)
            search = f'{entry}"{{current_version}}"'
            written = str(package["version"])
            return [ListedPlace(path, search, f'{entry}"{spelled}"', written=written)]
    return []


def _of_npm(text: str, previous: str, spelled: str) -> list[ListedPlace]:
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        return []
    root = as_table(as_table(as_table(data).get("packages")).get(""))
    stated = [one for one in (as_table(data), root) if one.get("version") == previous]
    names = {one.get("name") for one in stated}
    if not stated or len(names) != 1 or not isinstance(name := names.pop(), str):
        return []
    entry = rf'("name": "{re.escape(name)}",\s*"version": "){{current_version}}"'
    return [ListedPlace(NPM, entry, rf'\g<1>{spelled}"', regex=True, expected=len(stated))]


def _toml(text: str) -> Mapping[str, Any]:
    try:
        return toml.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
