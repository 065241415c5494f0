"""Observes an archive that gives a release a DOI: Zenodo. Changes nothing there.

Its records name the address of the tag's tree on GitHub, which is how the one of a release is
found (https://developers.zenodo.org, "Records").
"""

from __future__ import annotations

from urllib.parse import urlencode

from release.errors import CannotCheck
from release.world.web import get

ZENODO = "https://zenodo.org"


def doi_of(page: str, tag: str, server: str = ZENODO) -> str | None:
    """The DOI under which a tag of a repository is archived; None when it is not.

    `page` is the repository's address. Raises CannotCheck when the archive cannot be asked or
    answers something else.
    """
    tree = f"{page}/tree/{tag}"
    query = f'metadata.related_identifiers.identifier:"{tree}"'
    asked = urlencode({"q": query, "all_versions": "true"})
    found = get(f"{server}/api/records?{asked}", "Zenodo").told("Zenodo")
    try:
        for hit in found["hits"]["hits"]:
            related = hit["metadata"].get("related_identifiers", [])
            if tree in {item["identifier"] for item in related}:
                return str(hit["doi"])
    except (TypeError, KeyError, AttributeError):
        raise CannotCheck(
            "Zenodo does not answer as its interface promises", "look at it by hand"
        ) from None
    return None
