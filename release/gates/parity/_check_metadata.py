"""Run by the Python of the parity gate's tools: reads core metadata as a package index does.

Takes a file with JSON that maps a label to the path of a METADATA or PKG-INFO file, and the file to
which it writes a JSON object that maps each label to its errors, each a list of the field and what
is wrong with it.
The label "" is a project's name: its error is that it is a module of the standard library.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from email.utils import parseaddr
from pathlib import Path
from typing import Any

URL_PARTS = ("scheme", "host", "port", "path", "query")


def module(name: str) -> Any:
    return importlib.import_module(name)


def errors(data: bytes) -> list[tuple[str, str]]:
    """Everything that is wrong with one file."""
    metadata = module("packaging.metadata")
    raw, unparsed = metadata.parse_email(data)
    version = module("packaging.version")
    try:
        old = version.Version(raw.get("metadata_version", "0")) < version.Version("2.4")
    except version.InvalidVersion:
        old = False
    if old:
        # Old setuptools wrote License-File before it was specified; uploads leave it out then.
        raw.pop("license_files", None)
        unparsed.pop("license-file", None)
    found = [(field, "is unknown, or given more than once") for field in unparsed]
    try:
        metadata.Metadata.from_raw(raw)
    except Exception as error:
        for one in getattr(error, "exceptions", (error,)):
            field = getattr(one, "field", "")
            found.append((field, str(one)))
    return found + rules(raw)


def rules(raw: dict[str, Any]) -> list[tuple[str, str]]:
    """What an index asks beyond the specification of core metadata."""
    found = [*classifiers(raw), *addresses(raw)]
    for field in ("author_email", "maintainer_email"):
        address = parseaddr(raw.get(field, ""))[1]
        try:
            if address:
                module("email_validator").validate_email(address, check_deliverability=False)
        except module("email_validator").EmailNotValidError as error:
            found.append((field.replace("_", "-"), f"{address!r}: {error}"))
    if len(raw.get("summary", "")) > 512:
        found.append(("summary", "has more than 512 characters"))
    if raw.get("license") and raw.get("license_expression"):
        found.append(("license", "stands beside License-Expression"))
    for field in ("provides_dist", "obsoletes_dist"):
        for line in raw.get(field, []):
            try:
                module("packaging.requirements").Requirement(line)
            except ValueError as error:
                found.append((field.replace("_", "-"), f"{line!r}: {error}"))
    return found


def classifiers(raw: dict[str, Any]) -> Iterator[tuple[str, str]]:
    trove = module("trove_classifiers")
    for classifier in sorted(set(raw.get("classifiers", []))):
        if classifier in trove.deprecated_classifiers:
            instead = ", ".join(trove.deprecated_classifiers[classifier])
            advice = f"; use {instead}" if instead else ""
            yield "classifier", f"{classifier!r} is deprecated{advice}"
        elif classifier not in trove.classifiers:
            yield "classifier", f"{classifier!r} is unknown"


def addresses(raw: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field in ("home_page", "download_url"):
        if (address := raw.get(field, "")) and not is_address(address):
            yield field.replace("_", "-"), f"{address!r} is not a valid address"
    for label, address in (raw.get("project_urls") or {}).items():
        if not label or not address:
            yield "project-url", f"{label!r} lacks its label or its address"
        elif len(label) > 32:
            yield "project-url", f"the label {label!r} has more than 32 characters"
        elif not is_address(address):
            yield "project-url", f"{address!r} is not a valid address"


def is_address(text: str) -> bool:
    """Whether it is a valid http or https address."""
    rfc3986 = module("rfc3986")
    validators = module("rfc3986.validators")
    validator = validators.Validator().allow_schemes("http", "https").require_presence_of("scheme")
    validator.check_validity_of(*URL_PARTS)
    try:
        validator.validate(rfc3986.uri_reference(text).normalize())
    except (module("rfc3986.exceptions").RFC3986Exception, ValueError, TypeError):
        return False
    return True


def in_standard_library(name: str) -> bool:
    """Whether a module of any Python's standard library has that name."""
    listed = module("stdlib_list")
    normal = module("packaging.utils").canonicalize_name
    return any(
        normal(part.strip("-_.")) == normal(name)
        for version in listed.short_versions
        for entry in listed.stdlib_list(version)
        for part in (entry, entry.partition(".")[0])
    )


def main(request: str, file: str) -> None:
    asked = json.loads(Path(request).read_text(encoding="utf-8"))
    answer: dict[str, list[tuple[str, str]]] = {}
    for label, value in asked.items():
        if label:
            answer[label] = errors(Path(value).read_bytes())
        elif in_standard_library(value):
            answer[label] = [("name", f"{value!r} is a module of Python's standard library")]
        else:
            answer[label] = []
    Path(file).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
