"""Asks a PostgreSQL server, and makes and drops scratch databases. Run by the Python of the tools.

The first argument is the path of a request, or of a folder where requests appear as 1.json, 2.json
and so on, until there is a file `stop` or the program that asks is gone, whose last.json is done
then; the second one is the number of that program's process. A request is a list of steps that are
done in their order (`do` names each). The answer is written beside it, as 1.answer: `answers`, one
a step, or `error`, `sqlstate` and the `step` that failed.

The server, and a database to ask it in, are in the environment variable NOX_RELEASE_DATABASE, as
JSON with libpq's names of parameters. A server of our own, which a step may start, ends with this
program.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg  # type: ignore[import-not-found]
from psycopg import sql

sys.path.insert(0, str(Path(__file__).parent))
server = importlib.import_module("_postgres_server")

CONNECT_SECONDS = 15
BUSY_SECONDS = 10.0
POLL = 0.02
OWN = "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'nox_release')"
# Each gives one line of text for each thing that a migration can leave behind; {own} is OWN.
SCHEMA = (
    "SELECT format('schema %I', n.nspname) FROM pg_namespace n WHERE {own}",
    "SELECT format('extension %I %s', extname, extversion) FROM pg_extension",
    """SELECT format('%s %I.%I%s%s',
            CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table'
                WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
                WHEN 'c' THEN 'type' ELSE 'foreign table' END,
            n.nspname, c.relname, CASE WHEN c.relrowsecurity THEN ', row security' ELSE '' END,
            CASE WHEN c.relkind IN ('v', 'm') THEN ': ' || pg_get_viewdef(c.oid) ELSE '' END)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND {own}""",
    """SELECT format('column %I.%I.%I %s%s%s%s', n.nspname, c.relname, a.attname,
            format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
            ' default ' || pg_get_expr(d.adbin, d.adrelid),
            nullif(concat(' ', a.attidentity, a.attgenerated), ' '))
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
            AND {own}""",
    """SELECT format('index %s%s', pg_get_indexdef(i.indexrelid),
            CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {own}""",
    """SELECT format('constraint %I on %s%s: %s', k.conname, nullif(k.conrelid, 0)::regclass,
            nullif(k.contypid, 0)::regtype, pg_get_constraintdef(k.oid))
        FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE {own}""",
    """SELECT format('type %I.%I: %s', n.nspname, t.typname, coalesce(
            (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                FROM pg_enum e WHERE e.enumtypid = t.oid), format_type(t.typbasetype, NULL)))
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE t.typtype IN ('e', 'd') AND {own}""",
    """SELECT format('function %I.%I(%s) %s', n.nspname, p.proname,
            pg_get_function_identity_arguments(p.oid), md5(concat(p.prosrc, p.prosqlbody)))
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {own}""",
    """SELECT 'trigger ' || pg_get_triggerdef(g.oid)
        FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT g.tgisinternal AND {own}""",
    """SELECT format('policy %I on %I.%I: %s %s', y.polname, n.nspname, c.relname,
            pg_get_expr(y.polqual, y.polrelid), pg_get_expr(y.polwithcheck, y.polrelid))
        FROM pg_policy y JOIN pg_class c ON c.oid = y.polrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {own}""",
)
SESSIONS = """SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'
    AND datname <> current_database() AND position(%s IN datname) > 0"""
OPENED = """SELECT datname, sessions FROM pg_stat_database
    WHERE datname <> current_database() AND position(%s IN datname) > 0"""
MIGRATORS = """SELECT pid, wait_event_type FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
        AND pid <> pg_backend_pid()"""
Step = Mapping[str, Any]


class Probe:
    """The server, and one method for each kind of step."""

    def __init__(self, is_alone: Callable[[], bool]) -> None:
        self.place: dict[str, Any] = json.loads(os.environ["NOX_RELEASE_DATABASE"])
        self.own: Any = None
        self.is_alone = is_alone

    def connect(self, database: str | None = None) -> Any:
        return psycopg.connect(
            **(self.place | ({"dbname": database} if database else {})),
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name="nox-release",
        )

    def start(self, step: Step) -> Any:
        """Start a server of our own in the empty `folder`, and return its port."""
        with server.explained():
            self.own = server.Server.find(Path(step["folder"]))
            self.own.initialise(self.place["password"])
            self.place["port"] = self.own.start(self.is_alone)
        # A database that nothing but our own questions uses.
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.place["dbname"]))
        with self.connect("postgres") as connection:
            connection.execute(statement)
        return self.place["port"]

    def version(self, _step: Step) -> list[Any]:
        """The server's version as it says it, and as a number."""
        with self.connect() as connection:
            said: str = connection.execute("SHOW server_version").fetchone()[0]
            return [said, connection.info.server_version]

    def create(self, step: Step) -> None:
        """Make the database `database`, as a copy of `template` where that is given."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(step["database"]))
        if step.get("template"):
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(step["template"]))
        deadline = time.monotonic() + BUSY_SECONDS
        with self.connect() as connection:
            while True:
                try:
                    connection.execute(statement)
                    break
                except psycopg.errors.ObjectInUse:  # a session of the template's is just ending
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(POLL)

    def drop(self, step: Step) -> list[tuple[str, str]]:
        """Drop every database whose name holds `token`, a random text of ours.

        Returns those that the server does not drop, with its reason.
        """
        left = []
        with self.connect() as connection:
            found = connection.execute(
                "SELECT datname FROM pg_database WHERE position(%s IN datname) > 0", [step["token"]]
            )
            for (name,) in found.fetchall():
                statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                try:
                    connection.execute(statement.format(sql.Identifier(name)))
                except psycopg.Error as error:
                    left.append((name, first_line(error)))
        return left

    def prepare(self, step: Step) -> None:
        """Give `database` the sequences that planted statements advance, and wait for.

        What a sequence counted stays when a transaction is rolled back, and others see it at once.
        """
        with self.connect(step["database"]) as connection:
            connection.execute(
                "CREATE SCHEMA nox_release;"
                "CREATE SEQUENCE nox_release.seen; CREATE SEQUENCE nox_release.freed;"
                "GRANT USAGE ON SCHEMA nox_release TO PUBLIC;"
                "GRANT ALL ON ALL SEQUENCES IN SCHEMA nox_release TO PUBLIC"
            )

    def free(self, step: Step) -> None:
        """Let statements in `database` go on that wait for it."""
        with self.connect(step["database"]) as connection:
            connection.execute("SELECT nextval('nox_release.freed')")

    def seen(self, step: Step) -> int:
        """How many times a planted statement was executed in `database`."""
        query = "SELECT last_value, is_called FROM nox_release.seen"
        with self.connect(step["database"]) as connection:
            last, called = connection.execute(query).fetchone()
            return int(last) if called else 0

    def snapshot(self, step: Step) -> list[str]:
        """The schema of `database`, as lines."""
        with self.connect(step["database"]) as connection:
            return sorted(
                line
                for query in SCHEMA
                for (line,) in connection.execute(query.replace("{own}", OWN)).fetchall()
            )

    def sessions(self, step: Step) -> list[Any]:
        """The sessions in databases whose names hold `token`, in all if it is empty.

        Returns the numbers of those that there are, and how many each database has had by its name.
        """
        token = [step["token"]]
        with self.connect() as connection:
            now = [pid for (pid,) in connection.execute(SESSIONS, token).fetchall()]
            return [now, dict(connection.execute(OPENED, token).fetchall())]

    def migrators(self, step: Step) -> Any:
        """The other sessions in `database`: the number of each, and what it waits for."""
        with self.connect(step["database"]) as connection:
            return connection.execute(MIGRATORS).fetchall()


def first_line(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return said[0] if said else type(error).__name__


def answer(path: Path, probe: Probe) -> None:
    """Do what a request asks for and write the answer, in one step."""
    answers: list[Any] = []
    found: dict[str, Any] = {"answers": answers}
    for step in json.loads(path.read_text(encoding="utf-8")):
        try:
            answers.append(getattr(probe, step["do"])(step))
        except server.CannotStart as error:
            found = {"error": str(error), "sqlstate": error.kind, "step": step["do"]}
            break
        except psycopg.Error as error:
            state = error.sqlstate
            if state is None and isinstance(error, psycopg.OperationalError):
                state = "connection"
            found = {"error": first_line(error), "sqlstate": state, "step": step["do"]}
            break
    part = path.with_suffix(".part")
    part.write_text(json.dumps(found), encoding="utf-8")
    part.replace(path.with_suffix(".answer"))


def serve(folder: Path, probe: Probe) -> None:
    """Answer requests until told to stop, and the last one when nobody is left to tell."""
    number = 1
    while not (folder / "stop").exists() and not probe.is_alone():
        request = folder / f"{number}.json"
        if request.exists():
            answer(request, probe)
            number += 1
        else:
            time.sleep(POLL)
    last = folder / "last.json"
    if last.exists() and not (folder / "stop").exists():
        answer(last, probe)


def main(asked: Path, owner: int) -> None:
    # What would end the program at once ends the server as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    probe = Probe(server.watch(owner))
    try:
        (serve if asked.is_dir() else answer)(asked, probe)
    finally:
        if probe.own is not None:
            probe.own.end()


if __name__ == "__main__":
    os.umask(0o077)
    main(Path(sys.argv[1]), int(sys.argv[2]))
