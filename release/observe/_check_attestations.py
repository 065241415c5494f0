"""Verifies attestations (PEP 740). Run by the Python that has pypi-attestations, never imported.

Its argument is a JSON file with `files`: each with a `name`, the `sha256` of its bytes and the
`provenance` object that an index serves for it. It writes, to the file that is its second argument,
one JSON object: for each file its `attestations`, with what the certificate claims where it
verifies and the `error` where not; and `trust`, which says whether the trusted root was renewed or
is the one kept on this machine.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pypi_attestations import (  # type: ignore[import-not-found]
    AttestationError,
    Distribution,
    Provenance,
)
from sigstore.errors import Error  # type: ignore[import-not-found]
from sigstore.verify import Verifier  # type: ignore[import-not-found]

# https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
CLAIMS = {
    "1.3.6.1.4.1.57264.1.8": "issuer",
    "1.3.6.1.4.1.57264.1.12": "repository",
    "1.3.6.1.4.1.57264.1.13": "commit",
    "1.3.6.1.4.1.57264.1.14": "ref",
    "1.3.6.1.4.1.57264.1.18": "workflow",
}


def renewed() -> bool:
    """Renew the trusted root that sigstore keeps for this user; False where that cannot be."""
    try:
        Verifier.production()
    except (Error, OSError):
        return False
    return True


def judge(file: Any, *, offline: bool) -> Iterator[dict[str, Any]]:
    try:
        distribution = Distribution(name=file["name"], digest=file["sha256"])
        provenance = Provenance.model_validate(file["provenance"])
    except (ValidationError, ValueError) as error:
        yield {"error": f"it is not a provenance: {said(error)}", "claims": {}, "publisher": {}}
        return
    for bundle in provenance.attestation_bundles:
        publisher = bundle.publisher
        for attestation in bundle.attestations:
            found: dict[str, Any] = {"publisher": publisher.model_dump(), "claims": {}, "error": ""}
            try:
                attestation.verify(publisher, distribution, offline=offline)
                claims = attestation.certificate_claims
                found["claims"] = {CLAIMS[k]: v for k, v in claims.items() if k in CLAIMS}
            except (AttestationError, Error, ValidationError, ValueError) as error:
                found["error"] = said(error)
            yield found


def said(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def main() -> None:
    logging.disable(logging.WARNING)
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    fresh = renewed()
    files = {file["name"]: list(judge(file, offline=not fresh)) for file in asked["files"]}
    answer = {"trust": "renewed" if fresh else "kept", "files": files}
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
