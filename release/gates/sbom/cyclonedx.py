"""A CycloneDX document: the project made its root, its judgement, and its readable form.

The format is that of https://cyclonedx.org/docs/1.6/json/. Documents are parsed JSON here.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any
from urllib.parse import unquote

from packaging.utils import canonicalize_name, canonicalize_version

from release.model import Artifact, Finding
from release.text.escaping import sentence

Document = Mapping[str, Any]
CLASSIFIER_PARTS = " :: "
LICENCE_WIDTH = 60
DEFECT_REMEDY = "run it again with -- --fresh; if it stays, report it as a defect of nox-release"


def with_root(document: Document, project: str, files: Sequence[Artifact]) -> dict[str, Any]:
    """`document`, with the component named `project` moved to its root and its files added.

    `files` are the distributions that were built. Each becomes an external reference of the root,
    a relative one because nobody knows yet where it will be served from, with its sha256: the
    place that the format has for hashes of several files. The wheel is what is installed, so its
    sha256 is also the component's own. A random serial number and the time of day are dropped.
    A document that has no such component is returned without a root, which `problems` reports.
    """
    completed = copy.deepcopy(dict(document))
    completed.pop("serialNumber", None)
    metadata = completed.setdefault("metadata", {})
    metadata.pop("timestamp", None)
    wanted = canonicalize_name(project)
    components = completed.get("components", [])
    root = next((c for c in components if canonicalize_name(c["name"]) == wanted), None)
    if root is None:
        return completed
    completed["components"] = [c for c in components if c is not root]
    wheels = [file for file in files if file.name.endswith(".whl")]
    references = [
        {
            "type": "distribution" if file in wheels else "source-distribution",
            "url": file.name,
            "hashes": [_hash(file)],
        }
        for file in sorted(files, key=lambda file: file.name)
    ]
    root["hashes"] = [_hash(file) for file in wheels]
    root["externalReferences"] = [*references, *root.get("externalReferences", [])]
    metadata["component"] = root
    return completed


def with_licences(document: Document, stated: Mapping[str, str]) -> dict[str, Any]:
    """`document`, with a licence for each component that has none and whose metadata states one.

    `stated` holds the texts of the field License by normalised names. Of a whole text, which the
    field may be, the first line is the name.
    """
    completed = copy.deepcopy(dict(document))
    root = completed.get("metadata", {}).get("component")
    for component in [*completed.get("components", []), *([root] if root else [])]:
        lines = stated.get(canonicalize_name(component["name"]), "").split("\n")
        name = next((line.strip() for line in lines if line.strip()), "")
        if name and name != "UNKNOWN" and not component.get("licenses"):
            component["licenses"] = [{"license": {"name": name}}]
    return completed


def problems(
    document: Document,
    *,
    project: str,
    version: str,
    files: Sequence[Artifact],
    installed: Mapping[str, str],
    private: Sequence[str],
) -> tuple[Finding, ...]:
    """What keeps a document from describing the project; empty when nothing does.

    `installed` holds the names (normalised) and versions of the distributions in the clean
    environment, the project included; `private` are paths of this machine, which no published
    document may name.
    """
    wanted = {
        (name, canonicalize_version(version))
        for name, version in installed.items()
        if name != canonicalize_name(project)
    }
    defects = (
        *_root_problems(document, project, version, files),
        *_component_problems(document, wanted),
        *_graph_problems(document),
    )
    return (
        *(Finding(said, remedy=DEFECT_REMEDY) for said in defects),
        *_private_problems(document, private),
    )


def _root_problems(
    document: Document, project: str, version: str, files: Sequence[Artifact]
) -> Iterator[str]:
    root = document.get("metadata", {}).get("component")
    if root is None:
        yield f"the document does not describe {project}"
        return
    name, stated = _identity(root)
    if name != canonicalize_name(project):
        yield f"the document describes {root['name']}, not {project}"
    if stated != canonicalize_version(version):
        yield f"the document says {project} {root.get('version')}, built was {version}"
    yield from _purl_problems(root, project, version)
    hashes = {
        (reference["url"], item["content"])
        for reference in root.get("externalReferences", [])
        for item in reference.get("hashes", [])
        if item["alg"] == "SHA-256"
    }
    for file in files:
        if (file.name, file.sha256) not in hashes:
            yield f"the document lacks {file.name} with sha256 {file.sha256}"


def _component_problems(document: Document, wanted: Set[tuple[str, str]]) -> Iterator[str]:
    listed = {_identity(component): component for component in document.get("components", [])}
    for name, version in sorted(wanted - listed.keys()):
        yield f"runtime dependency {name} {version} is not listed"
    for (name, version), component in sorted(listed.items(), key=lambda item: item[0]):
        if (name, version) in wanted:
            yield from _purl_problems(component, name, version)
        else:
            yield f"{name} {version} is listed but not installed"


def _identity(component: Any) -> tuple[str, str]:
    version = canonicalize_version(component.get("version", ""))
    return canonicalize_name(component["name"]), version


def _purl_problems(component: Any, name: str, version: str) -> Iterator[str]:
    # See https://github.com/package-url/purl-spec: type/name@version?qualifiers#subpath.
    bare = unquote((component.get("purl") or "").partition("#")[0].partition("?")[0])
    start, _, stated = bare.rpartition("@")
    kind, _, found = start.partition("/")
    same = _identity({"name": found, "version": stated}) == _identity(
        {"name": name, "version": version}
    )
    if bare and not (kind == "pkg:pypi" and same):
        yield f"{name} {version} has the package URL of something else: {component['purl']}"


def _graph_problems(document: Document) -> Iterator[str]:
    root = document.get("metadata", {}).get("component", {}).get("bom-ref")
    components = {c.get("bom-ref"): c for c in document.get("components", [])}
    edges = {d["ref"]: d.get("dependsOn", []) for d in document.get("dependencies", [])}
    for ref in sorted({*edges, *(to for targets in edges.values() for to in targets)}):
        if ref != root and ref not in components:
            yield f"the dependency graph names {ref}, no component"
    reached: set[str] = set()
    waiting = [root] if root is not None else [*components]
    while waiting:
        ref = waiting.pop()
        if ref not in reached:
            reached.add(ref)
            waiting += edges.get(ref, [])
    for ref in sorted(components.keys() - reached, key=str):
        said = f"{components[ref]['name']} {components[ref].get('version')}"
        yield f"{said} is listed, and nothing that the project needs requires it"


def _private_problems(document: Document, private: Sequence[str]) -> Iterator[Finding]:
    root = document.get("metadata", {}).get("component")
    for component in [*([root] if root else []), *document.get("components", [])]:
        if not component.get("purl"):
            yield Finding(
                f"{component['name']} {component.get('version')} has no package URL: it was"
                " installed from a file or a folder",
                remedy="depend on a released version of it",
            )
    for owner, text in _texts(document, "the document"):
        if text.lower().startswith("file:") or any(path in text for path in private):
            yield Finding(
                f"{owner} names a place on this machine: {text}",
                remedy="depend on a released version of it instead of a file or a folder",
            )


def _texts(value: Any, owner: str) -> Iterator[tuple[str, str]]:
    """Every text in a document, with the name of the component that it belongs to."""
    if isinstance(value, str):
        yield owner, value
    elif isinstance(value, Mapping):
        owner = str(value.get("name", owner)) if "bom-ref" in value else owner
        for item in value.values():
            yield from _texts(item, owner)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts(item, owner)


def as_text(document: Document) -> str:
    """The document for people: the project with its files, and a line for each dependency."""
    root = document["metadata"]["component"]
    lines = [f"{root['name']} {root['version']}", ""]
    lines += [f"licence  {licence(root)}", f"purl     {root['purl']}"]
    for reference in root.get("externalReferences", []):
        lines += [
            f"sha256   {h['content']}  {reference['url']}" for h in reference.get("hashes", [])
        ]
    components = document.get("components", [])
    if not components:
        return "\n".join([*lines, "", "No runtime dependencies.", ""])
    rows = [("name", "version", "licence", "purl")]
    rows += [
        (c["name"], c.get("version", ""), licence(c), c.get("purl", ""))
        for c in sorted(components, key=lambda c: canonicalize_name(c["name"]))
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    noun = "dependency" if len(components) == 1 else "dependencies"
    lines += ["", f"{len(components)} runtime {noun}", ""]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, ""])


def licence(component: Mapping[str, Any]) -> str:
    """A component's declared licence in one line: SPDX identifiers where it gives any."""
    stated = component.get("licenses", [])
    exact = [item.get("expression") or item.get("license", {}).get("id") for item in stated]
    found = [text for text in exact if text]
    if not found:
        names = [item.get("license", {}).get("name", "") for item in stated]
        found = [name.rpartition(CLASSIFIER_PARTS)[2].strip() for name in names if name.strip()]
    if not found:
        return "not declared"
    return sentence(", ".join(dict.fromkeys(found)), LICENCE_WIDTH)


def _hash(file: Artifact) -> dict[str, str]:
    return {"alg": "SHA-256", "content": file.sha256}
