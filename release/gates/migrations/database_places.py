"""Where variables and configuration files say that a PostgreSQL database is.

URLs are known by the schemes of libpq, SQLAlchemy, django-environ, dj-database-url and the like,
connection strings by the names of libpq's parameters (host=... dbname=...), and variables that hold
a part of a place, such as DB_HOST or POSTGRES_DB, by their names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

# Those that can be followed by the URL of any other database, whoever reads them.
SCHEME = r"(?:postg\w*|pg\w*|psql|psycopg\w*|asyncpg|aiopg|timescale\w*)(?:\+[\w.-]+)?"
URL = re.compile(rf"\s*({SCHEME})://\S*\s*", re.I)
OTHER_SCHEME = r"(?:cockroach\w*|redshift\w*)(?:\+[\w.-]+)?"
URL_INSIDE = re.compile(rf"(?<![\w+.-])(?:{SCHEME}|{OTHER_SCHEME})://", re.I)
KEYWORD = re.compile(r"(?<![\w.-])(\w+)\s*=")
KINDS = frozenset(
    ("db", "database", "postgres", "postgresql", "pg", "pgsql", "psql", "sql", "rds", "timescale",
     "timescaledb")
)  # fmt: skip
PARTS = {
    **dict.fromkeys(("host", "hostname", "hostaddr", "server", "addr", "address", "endpoint",
                     "socket"), "host"),
    "port": "port",
    **dict.fromkeys(("name", "db", "dbname", "database"), "database"),
    **dict.fromkeys(("user", "username"), "user"),
    **dict.fromkeys(("pass", "password", "pwd"), "password"),
}  # fmt: skip
DSN = "host={host} port={port} user='{user}' password='{password}' dbname={database}"
COMPOUNDS = {f"{kind}{word}": part for kind in KINDS for word, part in PARTS.items()}
ASSIGNMENT = re.compile(r"^[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_]\w*)[^\S\n]*=(.*)$", re.M)
INI_URL = re.compile(
    rf"^([^\S\n]*[\w.-]+[^\S\n]*[=:][^\S\n]*)({SCHEME})://\S*(?=[^\S\n]*$)", re.I | re.M
)
INI_COMMENT = re.compile(r"[^\S\n]*[#;]")


def scheme_of(value: str) -> str | None:
    """The scheme of what is the URL of a PostgreSQL database and nothing else."""
    match = URL.fullmatch(value)
    return match[1] if match else None


def names_database(value: str) -> bool:
    """Whether a text holds the URL of a database or a connection string."""
    if URL_INSIDE.search(value):
        return True
    words = {word.lower() for word in KEYWORD.findall(value)}
    if "host" in words and words & {"port", "user", "password", "database", "sslmode"}:
        return True
    return bool(words & {"dbname", "hostaddr"}) or words == {"service"}


def part_of(name: str) -> str | None:
    """Which part of the way to a database a variable of this name holds.

    One of host, port, database, user and password; None if the name says nothing of the kind.
    """
    *before, last = re.split(r"[^a-z0-9]+", name.lower())
    if last in COMPOUNDS:
        return COMPOUNDS[last]
    return PARTS.get(last) if KINDS.intersection(before) else None


def places(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that name the place of a database or a part of it, with what to write instead.

    That is a text with {url}, {host} and so on. Users and passwords are among them where there are
    places.
    """
    found: dict[str, str] = {}
    others: dict[str, str] = {}
    for name, value in sorted(variables.items()):
        part = part_of(name)
        if not value.strip():
            continue
        if names_database(value):
            found[name] = "{url}" if URL_INSIDE.search(value) else DSN
        elif part in {"user", "password"}:
            others[name] = f"{{{part}}}"
        elif part:
            found[name] = f"{{{part}}}"
    return found | others if found else {}


def read_dotenv(text: str) -> dict[str, str]:
    """The variables of a .env file, without quotes around their values."""
    return {name: value.strip().strip("'\"") for name, value in ASSIGNMENT.findall(text)}


def without_variables(text: str, names: Iterable[str]) -> str:
    """The text of a .env file in which these variables are commented out."""
    names = frozenset(names)
    return ASSIGNMENT.sub(lambda match: f"#{match[0]}" if match[1] in names else match[0], text)


def names_place(name: str, text: str) -> bool:
    """Whether an INI file says where a database is: to Alembic, or to yoyo."""
    return name == "yoyo.ini" or re.search(r"^[^\S\n]*sqlalchemy\.url\b", text, re.M) is not None


def led(text: str, url: Callable[[str], str]) -> str:
    """An INI file whose URLs of databases give way to what `url` makes of their schemes."""
    return INI_URL.sub(lambda match: match[1] + url(match[2]).replace("%", "%%"), text)


def lines_elsewhere(text: str) -> list[int]:
    """The lines (from 1) of an INI file that name a database in a way that `led` cannot change."""
    return [
        number
        for number, line in enumerate(led(text, lambda _: "").split("\n"), 1)
        if not INI_COMMENT.match(line) and URL_INSIDE.search(line)
    ]
