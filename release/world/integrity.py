"""Observes who published a file: the provenance that an index serves for it (PEP 740)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from packaging.utils import canonicalize_name

from release.errors import CannotCheck
from release.world.web import as_on, get, origin

TYPE = "application/vnd.pypi.integrity.v1+json"


@dataclass(frozen=True, slots=True)
class Publisher:
    """A trusted publisher: what the index compares a workflow's identity with.

    `kind` is the forge's, such as GitHub; `repository` is OWNER/NAME, `workflow` a file name. An
    `environment` that is None lets any job of the workflow publish.
    """

    kind: str
    repository: str
    workflow: str
    environment: str | None


def provenance_of(
    project: str, version: str, file: str, index: str, provenance: str | None = None
) -> Any:
    """The provenance object (PEP 740) that an index serves for a file; None when it serves none.

    `index` is the address of its simple interface, `provenance` what that names for the file. Where
    it names nothing, the integrity interface is looked for at the root of the same server.
    Raises CannotCheck when the index cannot be asked or answers something else than JSON.
    """
    if not index.startswith(("http://", "https://")):
        return None
    address = _address(index, provenance)
    if address is None:
        name = canonicalize_name(project)
        path = "/".join(quote(part, safe="") for part in (name, version, file))
        place = urlsplit(index)._replace(path=f"/integrity/{path}/provenance", query="")
        address = urlunsplit(place)
    answer = get(address, "the package index", headers={"Accept": TYPE})
    if answer.status == 404:
        return None
    return answer.told(f"the package index, asked for the provenance of {file},")


def publishers_in(provenance: Any, file: str) -> tuple[Publisher, ...]:
    """The publishers that a provenance object names for the attestations of a file.

    Raises CannotCheck for what is not a provenance object.
    """
    try:
        return tuple(
            _publisher(bundle["publisher"])
            for bundle in provenance["attestation_bundles"]
            if bundle["attestations"]
        )
    except (TypeError, KeyError, AttributeError):
        raise CannotCheck(
            f"what the package index answers about {file} is not provenance",
            "look at tool.release.index",
        ) from None


def _address(index: str, provenance: str | None) -> str | None:
    """Where the provenance of a file is, if the index names a place that can be asked.

    It is asked with the index's own credentials if it is on the same server, and never over an open
    connection if the index is not.
    """
    if provenance is None:
        return None
    known = as_on(provenance, index)
    return known or (provenance if origin(provenance)[0] in {"https", origin(index)[0]} else None)


def _publisher(said: Mapping[str, Any]) -> Publisher:
    """Raises KeyError, TypeError or AttributeError for what is none."""
    kind, repository, workflow = said["kind"], said.get("repository", ""), said.get("workflow", "")
    environment = said.get("environment") or None
    if not all(isinstance(text, str) for text in (kind, repository, workflow, environment or "")):
        raise TypeError("publisher")
    return Publisher(kind, repository, workflow, environment)
