"""An index on loopback that trusts one publisher, and what the publishing action does there.

The forge says who a job is in a token: repository, workflow, ref and environment, as PyPI tells of
Trusted Publishers. Here it is signed with a key that forge and index share. As a program, this
module stands in for the action: it asks for such a token for the job that it runs in, exchanges it,
and uploads the files of dist/.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path

import requests

from release.rehearse.index import Index, Refused
from release.text import yaml
from tests.local_server import LocalServer, Reply, Request

AUDIENCE = "the-index"


@dataclass(frozen=True)
class Publisher:
    """Who may publish a project, as its owner has registered it."""

    repository: str = "o/small-thing"
    workflow: str = "release.yml"
    environment: str = "pypi"


class TrustingIndex(LocalServer):
    """Takes files of one project, from its publisher alone; `refused` is what it said no to."""

    def __init__(self, folder: Path, publisher: Publisher) -> None:
        super().__init__()
        self.kept, self.publisher = Index(folder), publisher
        self.key = secrets.token_hex()
        self.refused: list[str] = []
        self._seen: set[str] = set()
        self._granted: set[str] = set()

    def answer(self, request: Request) -> Reply:
        try:
            if request.path == "/_/oidc/mint-token":
                return Reply(body={"token": self._grant(json.loads(request.body)["token"])})
            return self._take(request)
        except Refused as refused:
            self.refused.append(str(refused))
            return Reply(403, {"message": str(refused)})

    def _grant(self, token: str) -> str:
        payload, _, signature = token.partition(".")
        if not hmac.compare_digest(signature, _signature(self.key, payload)):
            raise Refused("invalid-token")
        claims = json.loads(base64.urlsafe_b64decode(payload))
        should = {
            **{key: said for key, said in asdict(self.publisher).items() if key != "workflow"},
            "aud": AUDIENCE,
            "job_workflow_ref": f"{self.publisher.repository}/.github/workflows/"
            f"{self.publisher.workflow}@{claims['ref']}",
        }
        other = [key for key, value in should.items() if claims.get(key) != value]
        if other or claims["event_name"] == "pull_request_target" or claims["jti"] in self._seen:
            raise Refused(f"invalid-publisher: {', '.join(sorted(other))}")
        self._seen.add(claims["jti"])
        self._granted.add(granted := secrets.token_hex())
        return granted

    def _take(self, request: Request) -> Reply:
        words = base64.b64decode((request.authorisation or "").removeprefix("Basic "))
        if words.decode().partition(":")[2] not in self._granted:
            raise Refused("Invalid or non-existent authentication information")
        head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
        form = {
            str(part.get_param("name", header="content-disposition")): part
            for part in BytesParser(policy=HTTP).parsebytes(head + request.body).iter_parts()
        }
        said = {name: bytes(part.get_payload(decode=True)) for name, part in form.items()}
        name, digest = (said[key].decode() for key in ("name", "sha256_digest"))
        self.kept.take(name, str(form["content"].get_filename()), said["content"], digest)
        return Reply(body=b"OK")


def _signature(key: str, payload: str) -> str:
    return hmac.new(key.encode(), payload.encode(), hashlib.sha256).hexdigest()


def identity(environ: Mapping[str, str], workflow: Path) -> str | None:
    """The token that the forge gives the job of a workflow; None where it may not have one."""
    job = yaml.load(workflow.read_text())["jobs"][environ["GITHUB_JOB"]]
    if job["permissions"].get("id-token") != "write":
        return None
    repository, ref = environ["GITHUB_REPOSITORY"], environ["GITHUB_REF"]
    claims = {
        "aud": AUDIENCE,
        "repository": repository,
        "ref": ref,
        "job_workflow_ref": f"{repository}/.github/workflows/{workflow.name}@{ref}",
        "environment": job.get("environment"),
        "event_name": environ["GITHUB_EVENT_NAME"],
        "jti": secrets.token_hex(),
    }
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
    return f"{payload}.{_signature(environ['FORGE_KEY'], payload)}"


def publish(index: str, token: str | None, folder: Path, project: str) -> None:
    """Exchange the token, and upload what is in the folder."""
    granted = requests.post(f"{index}/_/oidc/mint-token", json={"token": token}, timeout=30)
    granted.raise_for_status()
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        form = {
            ":action": "file_upload",
            "name": project,
            "sha256_digest": hashlib.sha256(data).hexdigest(),
        }
        done = requests.post(
            f"{index}/legacy/",
            data=form,
            files={"content": (path.name, data)},
            auth=("__token__", granted.json()["token"]),
            timeout=30,
        )
        done.raise_for_status()


if __name__ == "__main__":
    at, file = sys.argv[1:]
    publish(at, identity(os.environ, Path(file)), Path("dist"), "small-thing")
