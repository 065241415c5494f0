"""Observes a repository on GitHub: checks of a commit, environments. Changes nothing.

The interface is GitHub's REST API, https://docs.github.com/rest, of github.com, of a data residency
on ghe.com or of an Enterprise Server.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, get_type_hints
from urllib.parse import quote, urlencode, urlsplit

from release.errors import CannotCheck, ConfigurationError
from release.project.git import GitFacts, git
from release.world import web
from release.world.web import Answer, get, origin

T = TypeVar("T")
Reader = Callable[[Mapping[str, Any]], T]
PUBLIC = "github.com"
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
BYTES = "application/octet-stream"
PER_PAGE = 100
MAX_PAGES = 20
PROGRAM_SECONDS = 10
# What a remote is called unless somebody chose another name.
USUAL_REMOTE = "origin"
SHOWN = 200
NAME = re.compile(r"^(?!\.{1,2}$)[A-Za-z0-9_.-]+$")
SCP_LIKE = re.compile(r"^(?:[^@/\s]+@)?([A-Za-z0-9_][A-Za-z0-9_.-]+):(?!//)(.+)$", re.S)
SSH = re.compile(r"^(?:git\+)?ssh://(?:[^@/]*@)?([A-Za-z0-9_][A-Za-z0-9_.-]*)(?=[:/])")
# Names that ~/.ssh/config gives to github.com where one has several accounts there.
ALIAS = re.compile(r"^(?:(?:ssh|www)\.github\.com|github(?:\.com)?(?:-[a-z0-9-]+)?)$")
NEXT = re.compile(r'<([^<>]+)>\s*;[^,<]*\brel="?next\b')
TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
ENTERPRISE_TOKENS = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
ACTIONS = "github-actions"
SERVICE = "a service"


class NoForge(CannotCheck):
    """The project is in no repository on GitHub; `certain` is off where it may be in one."""

    def __init__(self, reason: str, remedy: str, *, certain: bool = True) -> None:
        super().__init__(reason, remedy)
        self.certain = certain


class Refused(CannotCheck):
    """GitHub answered, with another status than 200."""

    def __init__(self, status: int, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.status = status


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on GitHub: the host of its pages, its owner and name, and the API's address."""

    host: str
    owner: str
    name: str
    api: str

    @property
    def slug(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def page(self) -> str:
        return f"https://{self.host}/{self.slug}"


@dataclass(frozen=True, slots=True)
class Token:
    """A credential, and where it comes from."""

    value: str
    source: str

    def __repr__(self) -> str:
        return f"Token(from {self.source})"


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """A run of a workflow for a commit, in its latest attempt.

    `file` is the workflow's path, `branch` the branch or tag that it ran for; `conclusion` is None
    until `status` is "completed". `suite` is the check suite that its jobs belong to, `updated` the
    time at which it last changed.
    """

    id: int
    file: str
    event: str
    branch: str | None
    status: str
    conclusion: str | None
    suite: int | None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class CheckRun:
    """A check of a commit: its name, state, the app that made it and the suite it belongs to.

    A status that a service outside set belongs to none. A job of a run has neither.
    """

    name: str
    status: str
    conclusion: str | None
    app: str | None = None
    suite: int | None = None


@dataclass(frozen=True, slots=True)
class Checks:
    """Everything that has checked one commit."""

    runs: tuple[WorkflowRun, ...] = ()
    checks: tuple[CheckRun, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """A deployment environment and what guards it.

    `rules` are the kinds of its protection rules, such as required_reviewers. `protected_branches`
    says whether only protected branches may deploy; `patterns` are the pairs of kind ("branch" or
    "tag") and pattern of which one must match, None where there is no such rule or it is not shown.
    """

    name: str
    rules: tuple[str, ...]
    protected_branches: bool
    patterns: tuple[tuple[str, str], ...] | None


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of a release; `sha256` is None where the forge does not tell it."""

    name: str
    sha256: str | None
    id: int = 0


@dataclass(frozen=True, slots=True)
class Release:
    """A release on the forge: its page, its files, and what it is marked as."""

    page: str
    draft: bool
    assets: tuple[Asset, ...]


def find(
    facts: GitFacts | None, remote: str, environ: Mapping[str, str] = os.environ
) -> Repository:
    """The GitHub repository that a remote of the project names.

    A name that only ssh knows is looked up in its configuration. Raises NoForge if there is none,
    ConfigurationError for a remote that was chosen and is not there.
    """
    if facts is None or remote not in facts.remotes:
        there = f"; there is {', '.join(facts.remotes)}" if facts and facts.remotes else ""
        if facts is not None and remote != USUAL_REMOTE:
            raise ConfigurationError.of(
                f"tool.release.remote is {remote}, and there is no remote of that name{there}",
                "pyproject.toml",
                remedy=f"correct it, or add the remote: git remote add {remote} URL",
            )
        raise NoForge(
            f"there is no remote called {remote}{there or ', so no forge'}",
            f"git remote add {remote} URL, or set tool.release.remote",
            certain=not there,
        )
    url = git(facts.remote_base, "remote", "get-url", remote).stdout.strip()
    found = locate(url, environ)
    match = SSH.match(url) or SCP_LIKE.match(url)
    host = match[1].lower() if match else PUBLIC
    if match and host != PUBLIC and "." not in host.removeprefix(PUBLIC):

        def on(other: str) -> Repository | None:
            return locate(url[: match.start(1)] + other + url[match.end(1) :], environ)

        known = _looked_up(host)
        if known != host:
            found = on(known)
        elif found is None and on(PUBLIC):
            raise NoForge(
                f"the remote {remote} is on {host}, which is not a full name of a host, and"
                " ssh knows no other name of it",
                f"git remote set-url {remote} to an address with the full name, or give {host} a"
                " HostName in ssh's configuration",
                certain=False,
            )
    if found is None:
        raise NoForge(
            f"the remote {remote} is not on GitHub, the only forge that is asked",
            "set GH_HOST to its host if it is a GitHub Enterprise Server",
        )
    return found


def locate(url: str, environ: Mapping[str, str] = os.environ) -> Repository | None:
    """The GitHub repository that the address of a git remote names; None when it names none.

    Understands https, ssh and git addresses and `host:owner/name`; credentials are dropped. A host
    is GitHub's when it is github.com or below ghe.com, when GITHUB_SERVER_URL or GH_HOST names it,
    or when it is called github.SOMETHING. GITHUB_API_URL is the API's address for the host that
    GITHUB_SERVER_URL names (github.com unless set).
    """
    if "://" in url:
        try:
            parts = urlsplit(url)
            host, port, path = (parts.hostname or "").lower(), parts.port, parts.path
        except ValueError:
            return None
        if parts.scheme not in {"https", "http", "ssh", "git", "git+ssh", "git+https"}:
            return None
        port = port if parts.scheme in {"https", "http"} else None
    elif match := SCP_LIKE.match(url):
        host, port, path = match[1].lower(), None, match[2]
    else:
        return None
    words = path.strip("/").removesuffix(".git").split("/")
    if len(words) != 2 or not all(NAME.match(word) for word in words):
        return None
    host = PUBLIC if ALIAS.match(host) else host
    server = _server(environ)
    known = {PUBLIC, server, environ.get("GH_HOST", "").lower()}
    called = host.startswith("github.") and not host.startswith("github.com.")
    if host not in known and not host.endswith(".ghe.com") and not called:
        return None
    shown = f"{host}:{port}" if port and port != 443 else host
    if host == server and environ.get("GITHUB_API_URL"):
        api = environ["GITHUB_API_URL"].rstrip("/")
    elif host == PUBLIC or host.endswith(".ghe.com"):
        api = f"https://api.{host}"
    else:
        api = f"https://{shown}/api/v3"
    return Repository(shown, words[0], words[1], api)


def _looked_up(host: str) -> str:
    """The name that ssh's configuration gives to a host; itself if none. Connects to nothing."""
    match = re.search(r"(?m)^hostname ([\w.:-]+)\r?$", _said_by("ssh", "-G", "--", host))
    return match[1].lower() if match else host


def _said_by(*command: str, env: Mapping[str, str] | None = None) -> str:
    """What a program of the user's prints; empty where it does not answer.

    Not by way of the shell of gates, which logs what its commands print.
    """
    try:
        done = subprocess.run(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROGRAM_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def _server(environ: Mapping[str, str]) -> str:
    """The host of the GitHub that GITHUB_API_URL and, in its workflows, GITHUB_TOKEN are of."""
    return origin(environ.get("GITHUB_SERVER_URL", ""))[1] or PUBLIC


def find_token(repository: Repository, environ: Mapping[str, str] = os.environ) -> Token | None:
    """The credential to ask about a repository with; None when there is none.

    From GH_TOKEN or GITHUB_TOKEN for github.com and ghe.com or, in a workflow, for its server; from
    GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN for the host that GH_HOST names; else what
    `gh auth token` has for the host. No other host gets one: anybody can write an address into a
    repository. Raises CannotCheck for a value that no token has.
    """
    host = repository.host.partition(":")[0]
    names: tuple[str, ...] = ()
    server = _server(environ)
    if host == server or (server == PUBLIC and host.endswith(".ghe.com")):
        names = TOKENS
    elif host == environ.get("GH_HOST", "").lower():
        names = ENTERPRISE_TOKENS
    for name in names:
        value = environ.get(name, "").strip()
        if value:
            if not re.fullmatch(r"[!-~]+", value):
                raise CannotCheck(
                    f"{name} holds characters that no token has", f"set {name} anew, or unset it"
                )
            return Token(value, name)
    env = {n: v for n, v in environ.items() if n not in {*TOKENS, *ENTERPRISE_TOKENS}}
    env |= {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1"}
    value = _said_by("gh", "auth", "token", "--hostname", host, env=env).strip()
    return Token(value, "gh auth token") if re.fullmatch(r"[!-~]+", value) else None


class Forge:
    """One repository on GitHub, asked with a token or without.

    `remaining` gives the seconds left and raises when there are none. Every question raises
    CannotCheck when it has no answer, Refused when that is GitHub's.
    """

    def __init__(
        self,
        repository: Repository,
        token: Token | None,
        remaining: Callable[[], float] = lambda: web.WHOLE_SECONDS,
    ) -> None:
        scheme, host, _ = origin(repository.api)
        local = host in {"127.0.0.1", "localhost", "::1"}
        if token and not (scheme == "https" or (scheme == "http" and local)):
            raise CannotCheck(
                "the API's address is not https, and a token would be read on its way there",
                "set GITHUB_API_URL to an address that begins with https://",
            )
        self.repository = repository
        self.token = token
        self.remaining = remaining
        self.who = "GitHub" if repository.host == PUBLIC else repository.host

    def slug(self) -> str:
        """OWNER/NAME as the repository is called now, which may have been renamed."""
        return self._read("the repository", lambda item: _text(item, "full_name"), self._get(""))

    def checks(self, commit: str) -> Checks:
        """All that has checked a commit (a full object name), each in its latest attempt.

        Refused has the status 422 when GitHub does not have the commit.
        """
        checks = self._all(f"/commits/{commit}/check-runs", "check_runs", _check, filter="latest")
        statuses = self._all(f"/commits/{commit}/status", "statuses", _status)
        runs = self._all("/actions/runs", "workflow_runs", _run, head_sha=commit)
        # An old server does not know the parameter, and lists every run.
        here = tuple(run for commit_of, run in runs if commit_of == commit)
        return Checks(here, checks + statuses)

    def workflows(self) -> Mapping[str, str]:
        """The names of the repository's workflows by their files.

        A run does not tell: where it has a name of its own, that stands in the workflow's place.
        """
        return dict(self._all("/actions/workflows", "workflows", _workflow))

    def jobs(self, run: int) -> tuple[CheckRun, ...]:
        """The jobs of a workflow run, in its latest attempt."""
        return self._all(f"/actions/runs/{run}/jobs", "jobs", _check, filter="latest")

    def release(self, tag: str) -> Release | None:
        """The release of a tag; None when there certainly is none.

        A draft is only shown to a token that may write, and only in the list.
        """
        item = self._find(f"/releases/tags/{quote(tag, safe='')}")
        if item is None:
            self.slug()  # for who has no access, nothing is there either
            drafts = [item for item in self._first("/releases") if item.get("tag_name") == tag]
            item = drafts[0] if drafts else None
        return None if item is None else self._read("a release", _release, item)

    def open_issues(self, label: str) -> Mapping[int, str]:
        """Titles of the open issues and pull requests with a label, by number: the newest of them.

        Raises CannotCheck where there is no such label.
        """
        if self._find(f"/labels/{quote(label, safe='')}") is None:
            why = f"{self.who} has no label {label!r} in {self.repository.slug}"
            raise CannotCheck(why, "correct tool.release.blocking-label")
        listed = self._first("/issues", state="open", labels=label)
        return dict(self._read("an issue", _issue, item) for item in listed)

    def text_of(self, asset: Asset) -> str:
        """The text of a file of a release, which GitHub keeps on another server."""
        return self._ask(self._address(f"/releases/assets/{asset.id}"), accept=BYTES).text

    def secret_names(self, environment: str = "") -> tuple[str, ...]:
        """The names of the secrets of the repository, or of one of its environments."""
        path = f"/environments/{quote(environment, safe='')}" if environment else "/actions"
        return self._all(f"{path}/secrets", "secrets", lambda item: _text(item, "name"))

    def environment(self, name: str) -> Environment | None:
        """An environment of the repository; None when it certainly has none of that name."""
        path = f"/environments/{quote(name, safe='')}"
        item = self._find(path)
        if item is None:
            # It may as well be one that we may not see: only the list tells.
            listed = self._pages("/environments", "environments")
            if name.lower() not in {str(item.get("name")).lower() for item in listed}:
                return None
            item = self._get(path)
        found = self._read("an environment", _environment, item)
        policy = item.get("deployment_branch_policy")
        if not (isinstance(policy, Mapping) and policy.get("custom_branch_policies") is True):
            return found
        try:
            patterns = self._all(f"{path}/deployment-branch-policies", "branch_policies", _policy)
        except Refused:
            return found
        return replace(found, patterns=patterns)

    def _all(self, path: str, key: str, reader: Reader[T], **query: str) -> tuple[T, ...]:
        """Every item of a list, as its reader reads it."""
        return tuple(self._read(key, reader, item) for item in self._pages(path, key, **query))

    def _pages(self, path: str, key: str, **query: str) -> list[Mapping[str, Any]]:
        """Every item of a list, page after page."""
        url: str | None = self._address(path, per_page=str(PER_PAGE), **query)
        items: list[Mapping[str, Any]] = []
        for _ in range(MAX_PAGES):
            answer = self._ask(str(url))
            found = self._read(path, lambda item: item[key], self._json(answer, Mapping))
            items += self._objects(found, key)
            following = NEXT.search(answer.headers.get("link", ""))
            if following is None:
                return items
            url = following[1]
            if origin(url) != origin(self.repository.api):
                raise self._strange("its next page is on another server")
        raise CannotCheck(
            f"{self.who} lists more than {MAX_PAGES * PER_PAGE} {key.replace('_', ' ')}",
            "look at them there",
        )

    def _first(self, path: str, **query: str) -> list[Mapping[str, Any]]:
        """The first page of a list that is in no object."""
        answer = self._ask(self._address(path, per_page=str(PER_PAGE), **query))
        return self._objects(self._json(answer, list), path[1:])

    def _objects(self, listed: Any, what: str) -> list[Mapping[str, Any]]:
        if not isinstance(listed, list) or not all(isinstance(i, Mapping) for i in listed):
            raise self._strange(f"{what} is not a list of objects")
        return listed

    def _find(self, path: str) -> Mapping[str, Any] | None:
        """An object; None where GitHub shows none."""
        try:
            return self._get(path)
        except Refused as error:
            if error.status != 404:
                raise
            return None

    def _get(self, path: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._json(self._ask(self._address(path)), Mapping)
        return found

    def _address(self, path: str, **query: str) -> str:
        address = f"{self.repository.api}/repos/{self.repository.slug}{path}"
        return f"{address}?{urlencode(query)}" if query else address

    def _ask(self, url: str, accept: str | None = None) -> Answer:
        value = self.token.value if self.token else None
        headers = {**HEADERS, "Accept": accept} if accept else HEADERS
        answer = get(
            *(url, self.who),
            headers=headers, token=value, netrc=False, elsewhere=accept is not None,
            remaining=self.remaining,
        )  # fmt: skip
        if answer.status != 200:
            raise self._refused(answer)
        return answer

    def _json(self, answer: Answer, kind: type) -> Any:
        try:
            data = answer.json()
        except ValueError:
            raise self._strange("it is not JSON") from None
        if not isinstance(data, kind):
            raise self._strange(f"it is not {'a list' if kind is list else 'an object'}")
        return data

    def _read(self, about: str, reader: Reader[T], item: Mapping[str, Any]) -> T:
        try:
            return reader(item)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            key = str(error.args[0])
            what = key if key.isidentifier() else "form"
            raise self._strange(f"{about} without a proper {what}") from None

    def _strange(self, why: str) -> CannotCheck:
        return CannotCheck(
            f"{self.who} gave an answer that its API does not describe: {why}",
            "look at the address of the API, and run it again later",
        )

    def _refused(self, answer: Answer) -> Refused:
        return Refused(answer.status, *self._refusal(answer))

    def _refusal(self, answer: Answer) -> tuple[str, str]:
        """What an answer with another status than 200 means, and what to do about it."""
        status, slug, who, said = answer.status, self.repository.slug, self.who, _message(answer)
        token = f"the token from {self.token.source}" if self.token else ""
        log_in = "set GITHUB_TOKEN, or run: gh auth login"
        if status == 401:
            why = f"{who} does not accept {token or 'a question without a token'} (401{said})"
            return why, f"renew it: {log_in}" if token else log_in
        if answer.limited:
            until = f" until {_clock(answer.wait)}" if answer.wait is not None else ""
            more = "" if token else f"; with a token it is far higher: {log_in}"
            return f"{who}'s rate limit is used up{until} ({status})", f"run it again then{more}"
        if status == 403:
            access = (
                f"give {token} read access to actions, checks and commit statuses of it (in a"
                " workflow: permissions)"
            )
            return f"{who} refuses to tell about {slug} (403{said})", access if token else log_in
        if status == 404:
            shown = f"to {token}" if token else "without a token"
            access = f"give {token} access, or" if token else "for a private repository"
            why = f"{who} shows nothing of the kind for {slug} {shown} (404): it is not there,"
            remedy = f"look at the remote's address; {access} {log_in}"
            return f"{why} or there is no access to it", remedy
        remedy = "run it again later" if status >= 500 else "look at the remote's address"
        return f"{who} answers {status} about {slug}{said}", remedy


def _message(answer: Answer) -> str:
    """What the server says about its refusal, on one line and clipped; empty if nothing."""
    try:
        data = answer.json()
    except ValueError:
        return ""
    said = data.get("message") if isinstance(data, Mapping) else None
    return f": {' '.join(said.split())[:SHOWN]}" if isinstance(said, str) and said.strip() else ""


def _clock(wait: float | None) -> str:
    when = datetime.now(UTC) + timedelta(seconds=min(wait or 0, 31_536_000))
    return f"{when:%Y-%m-%d %H:%M} UTC"


def _text(item: Mapping[str, Any], key: str) -> str:
    if not isinstance(item[key], str):
        raise TypeError(key)
    return str(item[key])


# What is read by the names of its fields, with their types.
TYPES: Mapping[Any, Mapping[str, Any]] = {
    kind: get_type_hints(kind) for kind in (WorkflowRun, CheckRun, Asset)
}


def _filled(kind: type[T], item: Mapping[str, Any], **more: Any) -> T:
    """A record by what an object has under the names of its fields, and by `more`.

    Raises TypeError, with the name, for what is of another type.
    """
    types = TYPES[kind]
    said = {name: item.get(name) for name in types} | more
    for name, value in said.items():
        if not isinstance(value, types[name]):
            raise TypeError(name)
    return kind(**said)


def _run(item: Mapping[str, Any]) -> tuple[Any, WorkflowRun]:
    """The commit of a run, and the run."""
    updated = item.get("updated_at")
    return item.get("head_sha"), _filled(
        WorkflowRun,
        item,
        file=_text(item, "path").partition("@")[0],
        branch=item.get("head_branch"),
        suite=item.get("check_suite_id"),
        updated=datetime.fromisoformat(updated) if updated else None,
    )


def _workflow(item: Mapping[str, Any]) -> tuple[str, str]:
    return _text(item, "path"), _text(item, "name")


def _issue(item: Mapping[str, Any]) -> tuple[int, str]:
    if not isinstance(item["number"], int):
        raise TypeError("number")
    return item["number"], _text(item, "title")


def _release(item: Mapping[str, Any]) -> Release:
    assets = tuple(_asset(asset) for asset in item["assets"])
    return Release(_text(item, "html_url"), item.get("draft") is True, assets)


def _asset(item: Mapping[str, Any]) -> Asset:
    kind, _, digest = str(item.get("digest")).partition(":")
    return _filled(Asset, item, sha256=digest if kind == "sha256" else None)


def _check(item: Mapping[str, Any]) -> CheckRun:
    app, suite = item.get("app"), item.get("check_suite")
    return _filled(
        CheckRun,
        item,
        app=app.get("slug") if isinstance(app, Mapping) else None,
        suite=suite["id"] if isinstance(suite, Mapping) else None,
    )


def _status(item: Mapping[str, Any]) -> CheckRun:
    name, state = _text(item, "context"), _text(item, "state")
    if state == "pending":
        return CheckRun(name, state, None, SERVICE, None)
    return CheckRun(name, "completed", state, SERVICE, None)


def _environment(item: Mapping[str, Any]) -> Environment:
    policy = item.get("deployment_branch_policy")
    protected = isinstance(policy, Mapping) and policy.get("protected_branches") is True
    rules = item.get("protection_rules", [])
    if not isinstance(rules, list):
        raise TypeError("protection_rules")
    kinds = tuple(_text(rule, "type") for rule in rules)
    return Environment(_text(item, "name"), kinds, protected, None)


def _policy(item: Mapping[str, Any]) -> tuple[str, str]:
    return item.get("type") or "branch", _text(item, "name")
