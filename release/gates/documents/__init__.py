"""Citation, security policy, badges and licences are valid and agree with the project.

Judges those of these documents that are there: CITATION.cff by the schema of its format and
.zenodo.json by one of what Zenodo takes (both by check-jsonschema); that both state the project's
version and no date in the future; that the table of supported versions in SECURITY.md, if it has
one, supports the version's series; and that badges in the README with a fixed version name this
one. A project that declares a licence has its text: the files of `license-files` or
`license = {file = ...}`, else a LICENSE or COPYING file; and CITATION.cff and .zenodo.json state no
other licence than pyproject.

All of it blocks: these documents are promises of the project. Advice: keys of .zenodo.json that
nobody knows, a README that cannot be read, and a licence text that the last release lacked, too,
or, before the first one, that was never there.

With a LEVEL the current version is judged all the same, for the documents change with the bump.
Without a version in the project's files and without a release tag on this commit, versions are not
compared.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from release.errors import ConfigurationError, attempt
from release.gates.documents import badges, citation, security_policy, zenodo
from release.model import Finding, Gate, Judgement, Outcome
from release.project import as_table, is_licence, read_text
from release.run import schema

if TYPE_CHECKING:
    from packaging.version import Version

    from release.project import Project
    from release.run.processes import Completed
    from release.run.shell import Shell

CITATION = "CITATION.cff"
ZENODO = ".zenodo.json"
# By file: what check-jsonschema knows its schema by, how it is written, and where people read it.
SCHEMAS = {
    CITATION: (
        ("--builtin-schema", "vendor.citation-file-format", "--force-filetype", "yaml"),
        "see the schema guide of the Citation File Format 1.2.0",
    ),
    ZENODO: (
        ("--schemafile", str(zenodo.SCHEMA), "--force-filetype", "json"),
        "see the representation in Zenodo's developer documentation",
    ),
}
POLICY = re.compile(r"security\.(md|markdown)", re.I)
POLICY_FOLDERS = (".", ".github", "docs")
README = re.compile(r"readme(\.(md|markdown|rst|txt))?", re.I)
OPERATORS = {"and", "or"}
GNU = re.compile(r"[al]?gpl-|gfdl-")
# Names that Zenodo has kept for licences which SPDX calls otherwise.
ZENODO_NAMES = {"apache": "apache-2.0", "apache2.0": "apache-2.0", "cc-by": "cc-by-4.0",
                "cc-zero": "cc0-1.0", "mit-license": "mit", "isc-license": "isc"}  # fmt: skip


def check(project: Project, shell: Shell) -> Outcome:
    judged, texts = judge_stated(project, shell.today)
    names = list(texts)
    expression, declares = declared_licence(project.pyproject)
    if declares:
        missing = Judgement(1, tuple(judge_licence_files(project.root, project.pyproject)))
        named = any(finding.path for finding in missing.defects)
        known = missing.defects and not named and _never_had_licence(project)
        judged += missing.as_advice() if known else missing
        judged += Judgement(0, tuple(judge_licences(expression, _stated_licences(texts))))
        names.append("licence")
    if not names:
        return Outcome.not_applicable(
            "it has no citation, security policy, badge of its version, or licence in"
            " pyproject.toml"
        )
    for name in SCHEMAS:
        if (text := texts.get(name)) is not None:
            judged += attempt(functools.partial(_validate, shell, name, text))
    return judged.settle(", ".join(names))


def judge_stated(project: Project, today: date) -> tuple[Judgement, dict[str, str | None]]:
    """What the documents that are there say of the release.

    With it come the texts of those that were judged, by their paths; None is one that cannot be
    read. A README that cannot be read is not judged, and one without a badge of a version is not.
    """
    version = project.target_version(None)
    readers: dict[str, Callable[[str, str], Judgement]] = {
        CITATION: functools.partial(_judge_citation, project, version, today),
        ZENODO: functools.partial(_judge_zenodo, version, today),
        **dict.fromkeys(policies(project.root), functools.partial(_judge_policy, version)),
        **dict.fromkeys(readmes(project.root), functools.partial(_judge_badges, version)),
    }
    judged = Judgement()
    texts: dict[str, str | None] = {}
    for path in (path for path in readers if (project.root / path).is_file()):
        text = None
        try:
            text = read_text(project.root, path)
            found = readers[path](text, path)
        except ConfigurationError as error:
            text, found = None, Judgement(1, error.problems)
            if README.fullmatch(path):
                found = Judgement(advice=error.problems)
        judged += found
        if found.checked:
            texts[path] = text
    return judged, texts


def _never_had_licence(project: Project) -> bool:
    """Whether no file that is called like a licence is lost.

    The last release's own tree had none or, without a release, no commit has removed one.
    """
    from release.gates.secrets import last_tag
    from release.project.git import git

    if project.git is None or project.git.commit is None:
        return False
    last = last_tag(project)
    if last is None:
        asked = ["log", "-z", "--format=", "--name-only", "--relative", "--diff-filter=D", "HEAD"]
        changed = project.git.changed
    else:
        tree = f"refs/tags/{last}:{project.git.prefix}".rstrip("/")
        asked, changed = ["ls-tree", "-z", "--name-only", "--full-tree", tree], ()
    names = git(project.root, *asked, check=False).stdout.split("\0")
    return not any(map(is_licence, (*names, *changed)))


def _judge_citation(
    project: Project, version: Version | None, today: date, text: str, path: str
) -> Judgement:
    """What it states, and what names the release before the one that it states."""
    defects = tuple(citation.judge(text, path, version, today))
    before = [tag for tag, found in project.released.items() if version and found < version]
    if not before:
        return Judgement(1, defects)
    last = max(before, key=lambda tag: project.released[tag])
    start, _, end = project.tag_template.partition("{version}")
    said = last.removeprefix(start).removesuffix(end)
    return Judgement(1, defects, tuple(citation.stale(text, path, said)))


def _judge_zenodo(version: Version | None, today: date, text: str, path: str) -> Judgement:
    defects = tuple(zenodo.judge(text, path, version, today))
    return Judgement(1, defects, tuple(zenodo.unknown_keys(text, path)))


def _judge_policy(version: Version | None, text: str, path: str) -> Judgement:
    return Judgement(1, tuple(security_policy.judge(text, path, version)) if version else ())


def _stated_licences(texts: Mapping[str, str | None]) -> Iterator[tuple[str, str, int]]:
    for path, read in ((CITATION, citation.licences), (ZENODO, zenodo.licences)):
        if (text := texts.get(path)) is not None:
            yield from ((name, path, line) for name, line in read(text, path))


def _judge_badges(version: Version | None, text: str, path: str) -> Judgement:
    count = sum(badge.is_of_version for badge in badges.badges(text, path)) if version else 0
    found = badges.judge(text, path, version) if version and count else ()
    return Judgement(count, tuple(found))


def policies(root: Path) -> list[str]:
    """The security policies where GitHub looks for them."""
    return [path for folder in POLICY_FOLDERS for path in _named(root, folder, POLICY)]


def readmes(root: Path) -> list[str]:
    """The READMEs beside the project's configuration."""
    return _named(root, ".", README)


def _named(root: Path, folder: str, pattern: re.Pattern[str]) -> list[str]:
    """The files of a folder whose whole names match."""
    with contextlib.suppress(OSError):
        names = sorted(name for name in os.listdir(root / folder) if pattern.fullmatch(name))
        paths = (PurePosixPath(folder) / name for name in names)
        return [str(path) for path in paths if (root / path).is_file()]
    return []


def _validate(shell: Shell, name: str, text: str) -> Judgement:
    """Findings of check-jsonschema, by a schema that is on this machine."""
    (shell.work / name).write_text(text, encoding="utf-8", errors="surrogateescape")
    done = schema.ask(shell, SCHEMAS[name][0], [name], shell.work)
    return Judgement(0, tuple(judge_schema(done, name, text)))


def judge_schema(done: Completed, name: str, text: str) -> list[Finding]:
    """Findings for what check-jsonschema printed about a file, whose text is `text`.

    Raises CannotCheck when it printed something else.
    """
    found = schema.faults(done)
    places: dict[citation.Keys, tuple[int, str | None]] = {}
    if found and name == CITATION:
        places = {node.keys: (node.line, node.value) for node in citation.read(text, name)}
    elif found:
        places = {(member.key,): (member.line, None) for member in zenodo.read(text, name)}
    return [_of_schema(fault, name, places) for fault in found]


def _of_schema(
    fault: schema.Fault, name: str, places: Mapping[citation.Keys, tuple[int, str | None]]
) -> Finding:
    """A fault of a schema, with its line; an identifier is judged by the form of its own type."""
    keys = tuple(schema.keys(fault.path))
    said = fault.message
    if keys[-2:-1] == ("identifiers",):
        own = {str(k[-1]): value or "" for k, (_, value) in places.items() if k[:-1] == keys}
        said = citation.wrong_identifier(own) or said
    message = f"{'.'.join(map(str, keys))}: {said}" if keys else said
    while keys and keys not in places:
        keys = keys[:-1]
    return Finding(message, name, places[keys][0] if keys else None, SCHEMAS[name][1])


def declared_licence(pyproject: Mapping[str, Any]) -> tuple[str | None, bool]:
    """The SPDX expression that a pyproject.toml states, and whether it declares any licence."""
    project = as_table(pyproject.get("project"))
    poetry = as_table(as_table(pyproject.get("tool")).get("poetry"))
    licence = project.get("license", poetry.get("license"))
    text = as_table(licence).get("text", licence)
    classifiers = project.get("classifiers", poetry.get("classifiers"))
    told = map(str, classifiers if isinstance(classifiers, list) else ())
    classified = any(item.startswith("License ::") for item in told)
    declares = bool(licence) or classified or bool(project.get("license-files"))
    return (text if isinstance(text, str) and _is_spdx(text) else None), declares


def _is_spdx(text: str) -> bool:
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return False
    return True


def judge_licence_files(root: Path, pyproject: Mapping[str, Any]) -> list[Finding]:
    """Findings for licence files that a pyproject.toml names, or that it needs, and are missing."""
    project = as_table(pyproject.get("project"))
    globs, file = project.get("license-files"), as_table(project.get("license")).get("file")
    named: list[tuple[str, str]] = []
    if isinstance(globs, list):
        named = [(f"license-files: {one} matches no file", one) for one in map(str, globs)]
    elif isinstance(file, str):
        named = [(f"license: the file {file} is missing", glob.escape(file))]
    elif not any(map(is_licence, os.listdir(root))):
        message = "a licence is declared, but its text is missing"
        return [Finding(message, remedy="add the text of the licence as LICENSE")]
    remedy = "add the file, or correct its name"
    return [
        Finding(message, "pyproject.toml", remedy=remedy)
        for message, pattern in named
        if not _matches(root, pattern)
    ]


def _matches(root: Path, pattern: str) -> bool:
    """Whether a glob of PEP 639 matches a file inside the project."""
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        return False
    try:
        return any(found.is_file() for found in root.glob(pattern))
    except (ValueError, NotImplementedError, OSError):
        return False


def judge_licences(expression: str | None, stated: Iterable[tuple[str, str, int]]) -> list[Finding]:
    """Findings for licences that contradict the SPDX expression in pyproject.toml.

    `stated` are licences that documents state, each with its file and line. A document may name
    one of several; names are compared without regard to case, and GPL-3.0 says nothing on whether
    later versions are allowed.
    """
    allowed = set(_identifiers(expression or ""))
    remedy = "state the same licence in both"
    return [
        Finding(f"states the licence {name}, and pyproject.toml {expression}", path, line, remedy)
        for name, path, line in stated
        if expression is not None and not all(_is_allowed(o, allowed) for o in _identifiers(name))
    ]


def _identifiers(expression: str) -> Iterator[str]:
    words = iter(re.findall(r"[\w.+:-]+", expression.lower()))
    for word in words:
        if word == "with":
            next(words, None)
        elif word not in OPERATORS:
            name = ZENODO_NAMES.get(word, word)
            yield re.sub(r"\+$", "-or-later", name)


def _is_allowed(name: str, allowed: set[str]) -> bool:
    if name in allowed or name.startswith("other-"):
        return True
    if not GNU.match(name):
        return False
    bare = re.sub(r"-(only|or-later)$", "", name)
    return not {f"{name}-only", f"{name}-or-later", bare}.isdisjoint(allowed)


GATE = Gate(
    name="documents",
    title="citation, security policy, badges and licences agree",
    check=check,
    tools=("check-jsonschema",),
    cost=0.4,
    order=60,
    defects="release.gates.documents.defects:DEFECTS",
)
