"""A server on loopback that answers as GitHub's REST API does, and can misbehave.

The interface is that of https://docs.github.com/rest: lists come in pages with a Link header,
refusals as an object with a message, and a commit that is not there with 422.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import pytest

from release.world import web
from release.world.forge import ENTERPRISE_TOKENS, TOKENS
from tests.local_server import LocalServer, Reply, Request
from tests.support import git

SLUG = "o/small-thing"
REPOSITORY = f"/repos/{SLUG}"
SECRET = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
# Beside the tokens, what tells where one is.
SURROUNDINGS = ("GH_HOST", "GITHUB_SERVER_URL", "GITHUB_RUN_ID")


def refusal(status: int, message: str, **headers: str) -> Reply:
    """How GitHub says no; underscores in the names of headers stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"message": message, "documentation_url": "…"}, named)


def run(
    name: str = "CI",
    conclusion: str | None = "success",
    *,
    status: str = "completed",
    file: str | None = None,
    event: str = "push",
    branch: str = "main",
    number: int = 1,
    commit: str = "",
) -> dict[str, Any]:
    """A workflow run as the API shows it; `commit` is the server's own unless given."""
    return {
        "id": number,
        "name": name,
        "path": file or f".github/workflows/{name.lower()}.yml",
        "event": event,
        "head_branch": branch,
        "head_sha": commit,
        "status": status,
        "conclusion": conclusion,
        "check_suite_id": 1000 + number,
        "run_attempt": 1,
    }


def check_run(
    name: str,
    conclusion: str | None = "success",
    *,
    status: str = "completed",
    app: str = "codecov",
    suite: int = 1,
) -> dict[str, Any]:
    """A check run as the API shows it."""
    return {
        "id": 1,
        "name": name,
        "status": status,
        "conclusion": conclusion,
        "app": {"slug": app},
        "check_suite": {"id": suite},
    }


def job(name: str, conclusion: str | None = "success") -> dict[str, Any]:
    """A job of a run as the API shows it."""
    return {"id": 1, "name": name, "status": "completed", "conclusion": conclusion}


def release(tag: str, assets: Mapping[str, str | None], *, draft: bool = False) -> dict[str, Any]:
    """A release as the API shows it; `assets` maps names to digests."""
    shown = [
        {"name": name, "digest": f"sha256:{digest}" if digest else None, "id": number}
        for number, (name, digest) in enumerate(assets.items(), 1)
    ]
    page = f"https://github.com/{SLUG}/releases/tag/{tag}"
    return {
        "tag_name": tag, "html_url": page, "draft": draft, "prerelease": False, "assets": shown
    }  # fmt: skip


def environment(name: str, *rules: str, policy: Mapping[str, bool] | None = None) -> dict[str, Any]:
    """An environment as the API shows it."""
    return {
        "id": 1,
        "name": name,
        "protection_rules": [{"id": n, "type": rule} for n, rule in enumerate(rules)],
        "deployment_branch_policy": policy,
    }


class ForgeServer(LocalServer):
    """One repository, SLUG, for as long as its `with` block lasts.

    `commit` is the one that it has; `runs`, `checks` and `statuses` are of it. `workflows` maps
    files to the names of workflows (those of the runs unless set), `environments`
    maps names to what the API shows, `jobs` numbers of runs to their jobs, `releases` tags to
    releases, `policies` to their branch policies, `labels` to open issues; `secrets` are names,
    `environment_secrets` those of any environment. `replies` replaces the
    answer to a path by a reply, or by several that are given one after the other (the last one for
    good). `token` is demanded if set, `page` is the longest page, `slug` what the repository is
    called. `asked` holds the paths that were asked for, `authorised` every Authorization header.
    """

    def __init__(self) -> None:
        super().__init__()
        self.commit = ""
        self.slug = SLUG
        self.runs: list[dict[str, Any]] = []
        self.workflows: dict[str, str] | None = None
        self.checks: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.jobs: dict[str, list[dict[str, Any]]] = {}
        self.releases: dict[str, dict[str, Any]] = {}
        self.secrets: list[str] = []
        self.environment_secrets: list[str] = []
        self.labels: dict[str, dict[int, str]] = {}
        self.environments: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, list[dict[str, Any]]] = {}
        self.replies: dict[str, Reply | list[Reply]] = {}
        self.token: str | None = None
        self.page = 100
        self.before: Callable[[str], None] = lambda _path: None
        self.asked: list[str] = []
        self.authorised: list[str | None] = []

    @property
    def url(self) -> str:
        """The address of the API."""
        return self.address

    def answer(self, request: Request) -> Reply:
        self.asked.append(request.target)
        self.authorised.append(request.authorisation)
        self.before(request.path)
        return self._found(request.target, request.authorisation)

    def _found(self, target: str, authorised: str | None) -> Reply:
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if path in self.replies:
            found = self.replies[path]
            if isinstance(found, Reply):
                return found
            return found.pop(0) if len(found) > 1 else found[0]
        if self.token is not None and authorised != f"Bearer {self.token}":
            return refusal(401, "Bad credentials")
        if not path.startswith(REPOSITORY):
            return refusal(404, "Not Found")
        words = path.removeprefix(REPOSITORY).strip("/").split("/")
        match words:
            case [""]:
                return Reply(body={"id": 1, "full_name": self.slug, "private": False})
            case ["commits", commit, "check-runs" | "status"] if commit != self.commit:
                return refusal(422, f"No commit found for SHA: {commit}")
            case ["commits", _, "check-runs"]:
                return self._list(target, query, "check_runs", self.checks)
            case ["commits", _, "status"]:
                return self._list(target, query, "statuses", self.statuses)
            case ["actions", "runs"]:
                runs = [{**item, "head_sha": item["head_sha"] or self.commit} for item in self.runs]
                wanted = query["head_sha"]
                runs = [item for item in runs if item["head_sha"] in wanted]
                return self._list(target, query, "workflow_runs", runs)
            case ["actions", "workflows"]:
                told = self.workflows
                if told is None:
                    told = {item["path"]: item["name"] for item in self.runs}
                listed = [{"id": 1, "path": path, "name": name} for path, name in told.items()]
                return self._list(target, query, "workflows", listed)
            case ["actions", "runs", number, "jobs"]:
                return self._list(target, query, "jobs", self.jobs.get(number, []))
            case ["actions", "secrets"] | ["environments", _, "secrets"]:
                own = self.secrets if words[0] == "actions" else self.environment_secrets
                return self._list(target, query, "secrets", [{"name": name} for name in own])
            case ["labels", name] if unquote(name) in self.labels:
                return Reply(body={"name": name})
            case ["issues"]:
                open_ones = self.labels[query["labels"][0]] if query["state"] == ["open"] else {}
                return Reply(body=[{"number": n, "title": said} for n, said in open_ones.items()])
            case ["releases", "tags", tag] if tag in self.releases:
                shown = self.releases[tag]
                return refusal(404, "Not Found") if shown["draft"] else Reply(body=shown)
            case ["releases"]:
                return Reply(body=list(self.releases.values()))
            case ["environments"]:
                return self._list(target, query, "environments", [*self.environments.values()])
            case ["environments", name] if name in self.environments:
                return Reply(body=self.environments[name])
            case ["environments", name, "deployment-branch-policies"] if name in self.policies:
                return self._list(target, query, "branch_policies", self.policies[name])
        return refusal(404, "Not Found")

    def _list(
        self, target: str, query: Mapping[str, list[str]], key: str, items: list[dict[str, Any]]
    ) -> Reply:
        size = min(self.page, int(query.get("per_page", ["30"])[0]))
        page = int(query.get("page", ["1"])[0])
        shown = items[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(items):
            following = urlencode({**{k: v[0] for k, v in query.items()}, "page": page + 1})
            address = f"{self.url}{urlsplit(target).path}"
            headers["Link"] = f'<{address}?page=1>; rel="prev", <{address}?{following}>; rel="next"'
        return Reply(body={"total_count": len(items), key: shown}, headers=headers)


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, empty: Path) -> Iterator[ForgeServer]:
    """A server that is github.com for the environment, in which no credential is to be had.

    `empty` is a folder without programs.
    """
    with ForgeServer() as found:
        for name in (*TOKENS, *ENTERPRISE_TOKENS, *SURROUNDINGS):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("GITHUB_API_URL", found.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("GH_CONFIG_DIR", str(empty))
        monkeypatch.setattr(web, "FIRST_WAIT", 0.01)
        yield found


@contextmanager
def hosting(project: Path, monkeypatch: pytest.MonkeyPatch, empty: Path) -> Iterator[ForgeServer]:
    """As `serving`; the server is the project's origin, and has its commit."""
    git(project, "remote", "add", "origin", f"https://github.com/{SLUG}.git")
    with serving(monkeypatch, empty) as found:
        found.commit = git(project, "rev-parse", "HEAD")
        yield found
