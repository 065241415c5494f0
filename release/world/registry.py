"""Observes an image in a container registry: its labels. Changes nothing there.

The interface is that of the OCI distribution specification, with the tokens that Docker Hub, GHCR
and the like give to everybody.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from release.errors import CannotCheck
from release.world.web import Answer, get

REFERENCE = re.compile(r"(?P<host>[\w.-]+(?::\d+)?)/(?P<name>[a-z0-9._/-]+):(?P<tag>[\w.-]{1,128})")
MANIFESTS = ", ".join(
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
)
REMEDY = "look at it by hand: it may want a password"
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


def labels_of(reference: str) -> Mapping[str, str] | None:
    """The labels of an image, HOST/NAME:TAG; None when the registry has no such image.

    Of an image for several platforms, those of the first. Raises CannotCheck when the registry
    cannot be asked, wants a password, or answers something else.
    """
    match = REFERENCE.fullmatch(reference)
    if match is None:
        raise CannotCheck(f"{reference} is not HOST/NAME:TAG", "correct tool.release.image")
    registry = _Registry(match["host"], match["name"])
    try:
        manifest = registry.manifest(match["tag"])
        if manifest is None:
            return None
        if "manifests" in manifest:
            first = next(m for m in manifest["manifests"] if _is_image(m))
            manifest = registry.manifest(first["digest"]) or {}
        config = registry.blob(manifest["config"]["digest"])
        labels = config.get("config", {}).get("Labels") or {}
        return {str(name): str(value) for name, value in labels.items()}
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration):
        raise CannotCheck(
            f"{registry.host} does not answer as a registry does about {reference}",
            "look at it by hand",
        ) from None


def _is_image(manifest: Mapping[str, Any]) -> bool:
    """Whether it is not an attestation beside the images."""
    return bool(manifest.get("platform", {}).get("os") != "unknown")


class _Registry:
    def __init__(self, host: str, name: str) -> None:
        self.host = host
        local = host.partition(":")[0] in {"127.0.0.1", "localhost"}
        self.base = f"{'http' if local else 'https'}://{host}/v2/{name}"
        self.name = name
        self._token: str | None = None

    def manifest(self, reference: str) -> Any:
        """A manifest by tag or digest; None when there is none."""
        answer = self._ask(f"{self.base}/manifests/{reference}", MANIFESTS)
        return None if answer.status == 404 else self._json(answer, reference)

    def blob(self, digest: str) -> Any:
        return self._json(self._ask(f"{self.base}/blobs/{digest}", "*/*"), digest)

    def _json(self, answer: Answer, reference: str) -> Any:
        found = answer.told(f"{self.host}, asked for {self.name},", REMEDY)
        kind, _, digest = reference.partition(":")
        if kind == "sha256" and hashlib.sha256(answer.text.encode()).hexdigest() != digest:
            raise CannotCheck(f"{self.host} answers with other bytes than it named", "ask again")
        return found

    def _ask(self, url: str, accept: str) -> Answer:
        headers, token = {"Accept": accept}, self._token
        answer = get(url, self.host, headers=headers, token=token, netrc=False, elsewhere=True)
        if answer.status != 401 or token is not None:
            return answer
        self._token = self._anonymous(answer.headers.get("www-authenticate", ""))
        return self._ask(url, accept)

    def _anonymous(self, challenge: str) -> str:
        """The token that the registry gives to anybody."""
        said = dict(CHALLENGE.findall(challenge))
        realm = said.get("realm", "")
        if not realm.startswith(("https://", self.base.partition("//")[0])):
            raise CannotCheck(f"{self.host} wants a password", "look at it by hand")
        wanted = {"service": said.get("service", ""), "scope": f"repository:{self.name}:pull"}
        answer = get(f"{realm}?{urlencode(wanted)}", self.host, netrc=False, elsewhere=True)
        token = answer.json() if answer.status == 200 else {}
        found = token.get("token") or token.get("access_token")
        if not isinstance(found, str):
            raise CannotCheck(f"{self.host} gives no token to read {self.name}", "look by hand")
        return found
