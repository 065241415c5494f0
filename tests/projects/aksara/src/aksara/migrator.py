"""Brings a PostgreSQL database up to date, and remembers what was applied to it."""

import hashlib
import os
from importlib.resources import files

import psycopg

LOCK = 7_020_095_231_852_733
BOOKKEEPING = """
    CREATE TABLE IF NOT EXISTS aksara_migrations (
        name text PRIMARY KEY,
        checksum text NOT NULL,
        applied timestamptz NOT NULL DEFAULT clock_timestamp()
    )
"""
Connection = psycopg.Connection[tuple[str, ...]]


def run(command: str) -> None:
    """Do what `aksara migrate` or `aksara status` is for."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        connection.execute(BOOKKEEPING)
        waiting = pending(connection)
        if command == "migrate":
            for name, text in waiting.items():
                apply(connection, name, text)
                print(f"applied {name}")
        elif waiting:
            raise SystemExit(f"not applied: {', '.join(waiting)}")
        print(f"{len(migrations())} migrations are applied, their checksums hold")


def apply(connection: Connection, name: str, text: str) -> None:
    """Apply one migration and note it, or do neither."""
    with connection.transaction():
        connection.execute(text.encode())
        connection.execute(
            "INSERT INTO aksara_migrations (name, checksum) VALUES (%s, %s)",
            [name, checksum(text)],
        )


def pending(connection: Connection) -> dict[str, str]:
    """The migrations that were not applied yet; ends the program where one was changed since."""
    rows = connection.execute("SELECT name, checksum FROM aksara_migrations").fetchall()
    applied = {row[0]: row[1] for row in rows}
    known = migrations()
    changed = [
        name for name in known if applied.get(name, checksum(known[name])) != checksum(known[name])
    ]
    if changed:
        raise SystemExit(f"changed since they were applied: {', '.join(changed)}")
    return {name: text for name, text in known.items() if name not in applied}


def migrations() -> dict[str, str]:
    """Every migration by name, in the order of application."""
    found = [
        file for file in (files("aksara") / "migrations").iterdir() if file.name.endswith(".sql")
    ]
    return {
        file.name: file.read_text("utf-8") for file in sorted(found, key=lambda file: file.name)
    }


def checksum(text: str) -> str:
    """What a migration is recognised by."""
    return hashlib.sha256(text.encode()).hexdigest()
