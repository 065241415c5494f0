"""A scratch PostgreSQL: a server of our own, or databases of our own on one that is there.

What is done here writes to no database that existed before, and removes what was made; what could
not be removed is named. Where the commands of a project go is for surroundings.py to see.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from release.errors import CannotCheck
from release.gates.migrations.database_places import scheme_of
from release.model import Finding

if TYPE_CHECKING:
    from release.run.processes import Completed
    from release.run.shell import Shell

SCRIPTS = Path(__file__).parent
VARIABLE = "DATABASE_URL"
OLDEST = 140000
PARTS = ("host", "port", "user", "password")
HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::(\d*))?")
# Parameters of a URL that libpq knows beside where and who, and that our own questions need.
KEPT_PARAMETERS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "channel_binding",
                   "gssencmode", "require_auth", "target_session_attrs")  # fmt: skip
INSTEAD = f"or set {VARIABLE} to a PostgreSQL server where a scratch database can be made"
REMEDIES = {
    "missing": f"have the gate's tools installed anew, {INSTEAD}",
    "root": f"run it as another user, {INSTEAD}",
    "space": "make room, or set TMPDIR to a folder on another disk",
    "port": f"see why no port of 127.0.0.1 can be listened on, {INSTEAD}",
    "broken": f"look at the log, {INSTEAD}",
    "ended": "look at the log, and run it again",
}
POLL = 0.02
LOG_REMEDY = "look at the log"
ASIDE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is and who asks it, as a URL says it; several hosts, or ports, by commas."""

    scheme: str
    authority: str
    query: str
    user: str
    password: str
    host: str
    port: str

    def url(self, database: str, scheme: str | None = None) -> str:
        """The URL of a database on it."""
        query = f"?{self.query}" if self.query else ""
        return f"{scheme or self.scheme}://{self.authority}/{database}{query}"

    def libpq(self) -> dict[str, str]:
        """Where, who and how, in libpq's names of connection parameters."""
        # As libpq reads it, to which a plus is a plus.
        given = dict(parse_qsl(self.query.replace("+", "%2B"), keep_blank_values=True))
        known = {name: given.get(name) or getattr(self, name) for name in PARTS}
        known["sslmode"] = given.get("ssl", "")
        known |= {name: given[name] for name in KEPT_PARAMETERS if name in given}
        return {name: value for name, value in known.items() if value.strip(",")}


def read_url(text: str) -> tuple[Address, str]:
    """The server and the database that a URL names; the database is empty where it names none.

    Raises ValueError for what is not a URL of PostgreSQL's, without a word of it.
    """
    if scheme_of(text) is None:
        raise ValueError("its scheme is not postgresql")
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        raise ValueError("it is not a URL, or what is special in it is not quoted") from None
    who, _, where = parts.netloc.rpartition("@")
    user, _, password = map(unquote, who.partition(":"))
    places = [HOST.fullmatch(item) for item in where.split(",")]
    if None in places:
        raise ValueError("it names no host and port")
    hosts, ports = zip(*((one[1].strip("[]"), one[2] or "") for one in places if one), strict=True)
    query = [item.partition("=") for item in parts.query.split("&")]
    named = [unquote(value) for name, _, value in query if name in {"dbname", "database"}]
    kept = "&".join("".join(item) for item in query if item[0] not in {"dbname", "database"})
    address = Address(
        parts.scheme, parts.netloc, kept, user, password, unquote(",".join(hosts)), ",".join(ports)
    )
    return address, next(iter(named), unquote(parts.path.lstrip("/")))


class Server:
    """A server on which scratch databases are made.

    `embedded` is whether it is our own; `version` is what it says of itself, `number` the same as a
    number; `left` says in the end which scratch databases could not be dropped, and what to do
    about them.
    """

    def __init__(self, shell: Shell, address: Address, admin: str, *, embedded: bool) -> None:
        self.address = address
        self.embedded = embedded
        self.version = ""
        self.number = 0
        self.token = secrets.token_hex(8)
        self._admin = admin
        self._shell = shell
        self.left: tuple[Finding, ...] = ()
        self._names: list[str] = []
        self._asked = 0
        self._asking = threading.Lock()
        self._requests = Path(tempfile.mkdtemp(prefix="probe-", dir=shell.work))
        self._probe: Future[Completed] | None = None

    def __str__(self) -> str:
        where = "embedded" if self.embedded else f"from {VARIABLE}"
        return f"PostgreSQL {self.version} ({where})"

    def start(self) -> None:
        """See that it answers and is new enough. Raises CannotCheck when it is not so."""
        ((version, self.number),) = self.ask({"do": "version"})
        self.version = version.partition(" ")[0]
        if self.number < OLDEST:
            raise CannotCheck(
                f"the server of {VARIABLE} is PostgreSQL {self.version}",
                f"name one that is {OLDEST // 10000} or newer, or unset {VARIABLE}",
            )

    def new_name(self) -> str:
        """A name for a scratch database, which no other database has and `drop` knows by."""
        self._names.append(f"nox_release_{self.token}_{len(self._names) + 1}")
        return self._names[-1]

    def create(self) -> str:
        """Make an empty scratch database and return its name."""
        name = self.new_name()
        self.ask({"do": "create", "database": name})
        return name

    def variables(self, database: str, schemes: Mapping[str, str]) -> dict[str, str]:
        """Environment variables that lead a command to a scratch database.

        They are DATABASE_URL, those of `schemes`, which hold a URL with such a scheme, and libpq's.
        What DATABASE_URL does not name (a user, say) is not among them: libpq takes it from where
        it is.
        """
        libpq = self.address.libpq()
        urls = {name: self.address.url(database, scheme) for name, scheme in schemes.items()}
        named = {f"PG{name.upper()}": libpq[name] for name in PARTS if name in libpq}
        return {
            **urls,
            VARIABLE: self.address.url(database),
            **named,
            **self._no_other_address(),
            "PGDATABASE": database,
        }

    def _no_other_address(self) -> dict[str, str]:
        """What keeps libpq from taking another address for the host that is named."""
        return {"PGHOSTADDR": ""} if "host" in self.address.libpq() else {}

    def filled(self, template: str, database: str) -> str:
        """A text in which the names of connection parameters in braces give way to their values.

        Raises CannotCheck where a host is wanted and none is named.
        """
        libpq = self.address.libpq()
        values = {
            name: libpq.get(name) or os.environ.get(f"PG{name.upper()}", "") for name in PARTS
        }
        values["port"] = values["port"] or "5432"
        if "{host}" in template and not values["host"]:
            raise CannotCheck(
                f"{{host}} is wanted, and {VARIABLE} names no host",
                f"name it in {VARIABLE}, or unset {VARIABLE} to use the embedded server",
            )
        values["database"] = database
        if "://" in template:
            values = {name: quote(value, safe=",") for name, value in values.items()}
        values["url"] = self.address.url(database)
        return re.sub(rf"\{{({'|'.join(values)})\}}", lambda match: values[match[1]], template)

    def hidden(self, text: str) -> str:
        """`text` without the password."""
        password = self.address.libpq().get("password", "")
        return text.replace(password, "***") if password else text

    @contextlib.contextmanager
    def asked(self) -> Iterator[None]:
        """Keep the probe at hand, which answers `ask`."""
        command, env = self._command(self._requests)
        if not self.embedded:  # what is to be done when this program is killed
            self._request("last", {"do": "drop", "token": self.token})
        with ThreadPoolExecutor(1) as pool:
            try:
                self._probe = pool.submit(self._shell.run, *command, env=env, cwd=self._shell.work)
                yield
            finally:
                (self._requests / "stop").touch()

    def ask(self, *steps: Mapping[str, Any]) -> list[Any]:
        """The answers of the probe to its steps (see _postgres_probe.py).

        Raises CannotCheck when the server does not answer or refuses.
        """
        assert self._probe is not None
        with self._asking:
            self._asked += 1
            request = self._request(str(self._asked), *steps)
            while not request.with_suffix(".answer").exists():
                if self._probe.done():
                    said = self._probe.result().last_line
                    raise CannotCheck(f"the probe of the database failed: {said}", LOG_REMEDY)
                time.sleep(POLL)
        return self._answers(request)

    def _request(self, name: str, *steps: Mapping[str, Any]) -> Path:
        """Write a request, in one step."""
        request = self._requests / f"{name}.json"
        part = request.with_suffix(".new")
        part.write_text(json.dumps(steps), encoding="utf-8")
        return part.replace(request)

    def _command(self, request: Path) -> tuple[list[str], dict[str, str]]:
        """What answers a request, and the variables for it: no file holds a password."""
        program = str(SCRIPTS / "_postgres_probe.py")
        place = {**self.address.libpq(), "dbname": self._admin}
        env = {"NOX_RELEASE_DATABASE": json.dumps(place), **self._no_other_address()}
        return [self._shell.tools.python, "-I", program, str(request), str(os.getpid())], env

    def _answers(self, request: Path) -> list[Any]:
        text = request.with_suffix(".answer").read_text(encoding="utf-8")
        found = json.loads(text)
        if "error" not in found:
            answers: list[Any] = found["answers"]
            return answers
        raise self._refusal(found["error"], str(found["sqlstate"]), found["step"])

    def _refusal(self, message: str, state: str, step: str) -> CannotCheck:
        """What an error of the server's means; the classes are those of PostgreSQL's appendix A."""
        if self.embedded:
            what = "cannot be started" if step == "start" else "failed"
            kind = "space" if state == "53100" else "ended"
            remedy = REMEDIES.get(state, REMEDIES[kind])
            return CannotCheck(f"the embedded PostgreSQL {what}: {message}", remedy)
        embedded = f"unset {VARIABLE} to use the embedded server"
        if state == "42501" and step == "create":
            return CannotCheck(
                f"no scratch database can be made on the server of {VARIABLE}: {message}",
                f"let its role do it (ALTER ROLE ... CREATEDB), or {embedded}",
            )
        if state == "connection" or state.startswith(("28", "3D", "57", "08")):
            return CannotCheck(
                f"the server of {VARIABLE} does not answer: {message}",
                f"start it, correct {VARIABLE}, or {embedded}",
            )
        return CannotCheck(f"the server of {VARIABLE} failed: {message}", f"fix it, or {embedded}")

    def require_running(self) -> None:
        """Raises CannotCheck when the server is gone."""
        self.ask({"do": "version"})

    def drop(self) -> None:
        """Drop every scratch database, even while the gate is being stopped.

        Those that could not be dropped are in `left` then.
        """
        request = self._request("drop", {"do": "drop", "token": self.token})
        command, env = self._command(request)
        refused = [(name, "the server did not answer") for name in self._names]
        # Not by way of the shell, which then starts nothing any more, and in a session of its own,
        # so that a second Ctrl-C does not reach it.
        with contextlib.suppress(OSError, subprocess.SubprocessError, CannotCheck):
            subprocess.run(
                command,
                env={**self._shell.tools.variables(), **env},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=ASIDE_SECONDS,
                start_new_session=True,
                check=True,
            )
            (refused,) = self._answers(request)
        self.left = tuple(
            Finding(
                f"the scratch database {name} was not dropped: {reason}",
                remedy=f'drop it: DROP DATABASE IF EXISTS "{name}" WITH (FORCE)',
            )
            for name, reason in refused
        )
        for finding in self.left:
            self._shell.note(f"{finding.message}; {finding.remedy}")


@contextlib.contextmanager
def scratch_server(shell: Shell, environ: Mapping[str, str] = os.environ) -> Iterator[Server]:
    """The server that DATABASE_URL names, or an embedded one; gone or cleaned when this ends.

    Raises CannotCheck when there is none.
    """
    if environ.get("PGSERVICE"):
        raise CannotCheck(
            "PGSERVICE is set, which could lead commands to another database", "unset it"
        )
    url = environ.get(VARIABLE)
    with _given(shell, url) if url else _embedded(shell) as server:
        yield server


@contextlib.contextmanager
def _given(shell: Shell, url: str) -> Iterator[Server]:
    try:
        address, database = read_url(url)
    except ValueError as error:
        raise CannotCheck(
            f"{VARIABLE} names no PostgreSQL server: {error}",
            f"unset {VARIABLE} to use the embedded server, or set it to postgresql://...",
        ) from None
    server = Server(shell, address, database or address.user or "postgres", embedded=False)
    with server.asked():
        server.start()
        try:
            yield server
        finally:
            server.drop()


@contextlib.contextmanager
def _embedded(shell: Shell) -> Iterator[Server]:
    # Not in the scratch folder of the gate: an account without rights could not look into it.
    folder = Path(tempfile.mkdtemp(prefix="nox-release-postgres-")).resolve()
    place = f"postgresql://postgres:{secrets.token_hex(16)}@127.0.0.1"
    server = Server(shell, read_url(place)[0], "nox_release", embedded=True)
    try:
        with server.asked():
            (port,) = server.ask({"do": "start", "folder": str(folder)})
            server.address, _ = read_url(f"{place}:{port}")
            server.start()
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)
