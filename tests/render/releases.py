"""Releases of one repository on loopback, as GitHub keeps them for gh, and can break off uploads.

gh speaks to the host github.localhost without encryption, and goes through the proxy that it is
told; that proxy is this server.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.local_server import LocalServer, Reply, Request

HOST = "github.localhost"
SLUG = "o/small-thing"
API = f"http://api.{HOST}"


class Releases(LocalServer):
    """`releases` are those of the repository; `broken` names files whose next upload breaks off."""

    def __init__(self) -> None:
        super().__init__()
        self.releases: list[dict[str, Any]] = []
        self.broken: set[str] = set()
        self.uploads: list[str] = []

    @property
    def environment(self) -> Mapping[str, str]:
        """What leads gh here."""
        token = {"GH_TOKEN": "x" * 8, "GH_REPO": SLUG}
        return {**token, "GH_HOST": HOST, "HTTP_PROXY": self.address, "NO_PROXY": ""}

    def files(self, tag: str) -> dict[str, str]:
        """The digests of the files of a release that are there as a whole."""
        [found] = [one for one in self.releases if one["tag_name"] == tag]
        return {one["name"]: one["digest"] for one in found["assets"] if one["digest"]}

    def answer(self, request: Request) -> Reply:
        words = urlsplit(request.target).path.strip("/").split("/")
        match request.method, words[3:] if words[0] == "repos" else words:
            case "POST", ["graphql"]:
                return self._query(json.loads(request.body))
            case "POST", ["releases"]:
                return Reply(201, self._made(json.loads(request.body)))
            case "GET", ["releases", "tags", tag]:
                return self._one([r for r in self._tagged(tag) if not r["draft"]])
            case "GET", ["releases", number]:
                return self._one([r for r in self.releases if str(r["id"]) == number])
            case "PATCH", ["releases", number]:
                [found] = [r for r in self.releases if str(r["id"]) == number]
                found.update(json.loads(request.body))
                return Reply(body=found)
            case "DELETE", ["releases", "assets", name]:
                for release in self.releases:
                    release["assets"] = [a for a in release["assets"] if a["id"] != name]
                return Reply(204, b"")
            case "POST", ["uploads", number]:
                [name] = parse_qs(urlsplit(request.target).query)["name"]
                [found] = [r for r in self.releases if str(r["id"]) == number]
                return self._take(found, name, request.body)
        return Reply(404, {"message": "Not Found"})

    def _one(self, found: list[dict[str, Any]]) -> Reply:
        return Reply(body=found[0]) if found else Reply(404, {"message": "Not Found"})

    def _tagged(self, tag: str) -> list[dict[str, Any]]:
        return [one for one in self.releases if one["tag_name"] == tag]

    def _query(self, asked: dict[str, Any]) -> Reply:
        query, tag = asked["query"], asked.get("variables", {}).get("tagName", "")
        if "__type" in query:  # which fields this version of the forge has
            return Reply(body={"data": {}})
        if "RepositoryReleaseList" in query:
            shown = [
                {"tagName": r["tag_name"], "isDraft": r["draft"], "isPrerelease": r["prerelease"]}
                for r in self.releases
            ]
            page = {"nodes": shown, "pageInfo": {"hasNextPage": False, "endCursor": ""}}
            return _data({"releases": page})
        if "RepositoryFindRef" in query:
            return _data({"ref": {"id": "R"}})
        found = next(iter(self._tagged(tag)), None) if "RepositoryReleaseByTag" in query else None
        one = found and {"databaseId": found["id"], "isDraft": found["draft"]}
        return _data({"release": one})

    def _made(self, asked: dict[str, Any]) -> dict[str, Any]:
        number = len(self.releases) + 7
        address = f"{API}/repos/{SLUG}/releases/{number}"
        upload = f"{API}/uploads/{number}{{?name,label}}"
        made = {"id": number, "prerelease": False, "name": "", "assets": [], **asked}
        self.releases.append({**made, "url": address, "html_url": address, "upload_url": upload})
        return self.releases[-1]

    def _take(self, release: dict[str, Any], name: str, data: bytes) -> Reply:
        self.uploads.append(name)
        if any(asset["name"] == name for asset in release["assets"]):
            return Reply(422, {"message": "already_exists"})
        broken = name in self.broken
        self.broken.discard(name)
        asset = {
            "id": name,
            "name": name,
            "state": "starter" if broken else "uploaded",
            "digest": None if broken else f"sha256:{hashlib.sha256(data).hexdigest()}",
            "url": f"{API}/repos/{SLUG}/releases/assets/{name}",
        }
        release["assets"].append(asset)
        return Reply(403, {"message": "broken off"}) if broken else Reply(201, asset)


def _data(repository: dict[str, Any]) -> Reply:
    return Reply(body={"data": {"repository": repository}})
