from __future__ import annotations

import configparser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.gates.migrations.database_places import (
    led,
    lines_elsewhere,
    names_database,
    names_place,
    part_of,
    places,
    read_dotenv,
    scheme_of,
    without_variables,
)


@pytest.mark.parametrize(
    ("value", "scheme"),
    [
        ("postgres://h/x", "postgres"),
        ("postgresql+asyncpg://me:x@h:1,i:2/x?a=b", "postgresql+asyncpg"),
        ("  psql://h/x\n", "psql"),
        ("pgsql://h/x", "pgsql"),
        ("timescale://h/x", "timescale"),
        ("asyncpg://h/x", "asyncpg"),
        ("POSTGIS://h/x", "POSTGIS"),
    ],
)
def test_a_url_and_nothing_else_can_give_way_to_another(value: str, scheme: str) -> None:
    assert scheme_of(value) == scheme
    assert names_database(value)


@pytest.mark.parametrize(
    "value",
    [
        "jdbc:postgresql://h/x",
        '{"default": "postgres://h/x"}',
        "--db=postgresql://h/x --verbose",
        "cockroachdb://h/x",
        "redshift+psycopg2://h/x",
        "host=production dbname=shop",
        "host = production user = me",
        "Host=production;Database=shop;Username=me",
        "hostaddr=10.0.0.1",
        "dbname=shop",
        "service=production",
    ],
)
def test_what_else_names_a_database_is_known_and_left(value: str) -> None:
    assert scheme_of(value) is None
    assert names_database(value)


@pytest.mark.parametrize(
    "value",
    ["", "sqlite:///x.db", "mysql://h/x", "https://postgresql.org/", "host", "postgresql",
     "--host=0.0.0.0 --port=80", "service.name=shop", "rs=0:di=01;34", "xpg://h",
     "redis://localhost:6379/0", "git+ssh://pg@h/x"],
)  # fmt: skip
def test_other_values_name_none(value: str) -> None:
    assert scheme_of(value) is None
    assert not names_database(value)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("DB_HOST", "host"),
        ("SHOP_DB_PORT", "port"),
        ("POSTGRES_DB", "database"),
        ("POSTGRES_SERVER", "host"),
        ("PG_DATABASE", "database"),
        ("DATABASE_NAME", "database"),
        ("DJANGO_DATABASE_HOST", "host"),
        ("db__host", "host"),
        ("RDS_HOSTNAME", "host"),
        ("SQL_DATABASE", "database"),
        ("DBHOST", "host"),
        ("SHOP_DBNAME", "database"),
        ("POSTGRES_SERVICE_HOST", "host"),
        ("POSTGRES_PASSWORD", "password"),
        ("DB_USER", "user"),
        ("HOST", None),
        ("REDIS_HOST", None),
        ("SHOP_DB", None),
        ("DBUS_SESSION_BUS_ADDRESS", None),
        ("PROJECT_NAME", None),
        ("MYSQL_DATABASE", None),
        ("DB_POOL_SIZE", None),
    ],
)
def test_parts_are_known_by_the_names_of_variables(name: str, part: str | None) -> None:
    assert part_of(name) == part


def test_places_come_with_what_to_write_instead() -> None:
    variables = {
        "DB_PASSWORD": "x", "DB_HOST": "production", "DB_NAME": " ", "JDBC": "jdbc:postgresql://h/x",
        "DSN": "dbname=shop", "HOME": "/root",
    }  # fmt: skip
    assert places(variables) == {
        "DB_HOST": "{host}",
        "DB_PASSWORD": "{password}",
        "DSN": "host={host} port={port} user='{user}' password='{password}' dbname={database}",
        "JDBC": "{url}",
    }
    assert places({"DB_PASSWORD": "x", "POSTGRES_USER": "y"}) == {}


DOTENV = "# A=1\r\nexport A = 'postgres://h/x'\r\n\r\nB=2=3\nnothing\n  C=\n"


def test_a_dotenv_file_is_read_and_variables_are_taken_out() -> None:
    assert read_dotenv(DOTENV) == {"A": "postgres://h/x", "B": "2=3", "C": ""}
    assert without_variables(DOTENV, ["A", "C"]) == (
        "# A=1\r\n#export A = 'postgres://h/x'\r\n\r\nB=2=3\nnothing\n#  C=\n"
    )
    assert without_variables(DOTENV, []) == DOTENV


INI = """[alembic]\r
script_location = migrations
# sqlalchemy.url = postgresql://old/shop
sqlalchemy.url = postgresql+psycopg://me:x%%2F@production/shop?a=b  \r
[other]
sqlalchemy.url: postgres://production/other
"""


def test_the_urls_of_an_ini_file_give_way_and_nothing_else() -> None:
    changed = led(INI, lambda scheme: f"{scheme}://me:a%2Fb@h/new")
    assert changed == INI.replace(
        "postgresql+psycopg://me:x%%2F@production/shop?a=b", "postgresql+psycopg://me:a%%2Fb@h/new"
    ).replace("postgres://production/other", "postgres://me:a%%2Fb@h/new")
    parser = configparser.ConfigParser()
    parser.read_string(changed)
    assert parser["alembic"]["sqlalchemy.url"] == "postgresql+psycopg://me:a%2Fb@h/new"
    assert lines_elsewhere(INI) == []


def test_what_of_an_ini_file_cannot_give_way_is_named() -> None:
    text = "[alembic]\nsqlalchemy.url =\n  postgresql://h/x\nargs = -x db=postgres://h/x -v\n"
    assert lines_elsewhere(text) == [3, 4]
    assert led(text, lambda _: "new") == text
    assert (
        lines_elsewhere("[alembic]\nsqlalchemy.url = driver://user:pass@localhost/dbname\n") == []
    )


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("alembic.ini", "[alembic]\nsqlalchemy.url = x\n", True),
        ("production.ini", "[app]\n sqlalchemy.url: x\n", True),
        ("yoyo.ini", "", True),
        ("pytest.ini", "[pytest]\nenv = A=postgresql://h/x\n", False),
        ("tox.ini", "# sqlalchemy.url = x\n", False),
    ],
)
def test_ini_files_that_say_where_the_database_is_are_known(
    name: str, text: str, expected: bool
) -> None:
    assert names_place(name, text) is expected


LINES = st.lists(
    st.sampled_from(
        ["[alembic]", "# x", "a = b", "sqlalchemy.url = postgresql://h/x", " pg = pg://x ", "é",
         "\f", "\ufeff", "x=\u2028postgresql://y"]
    )
)  # fmt: skip


@given(LINES, st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=200)
def test_the_rest_of_an_ini_file_stays_as_it_is(lines: list[str], newline: str) -> None:
    text = newline.join(lines)
    changed = led(text, lambda scheme: f"{scheme}://NEW")
    expected = text.replace("postgresql://h/x", "postgresql://NEW").replace("pg://x", "pg://NEW")
    assert changed.replace("postgresql://NEW", "postgresql://y") == expected.replace(
        "postgresql://NEW", "postgresql://y"
    )


@pytest.mark.parametrize("unit", ["pg", "pg+", "host= ", "a=b:", "x ", "postgresql:/", "\u2028x="])
def test_large_texts_take_linear_time(unit: str) -> None:
    text = unit * 40_000
    assert not names_database(text)
    assert led(text, lambda _: "") == text
    assert without_variables(text, ["x"]).lstrip("#") == text
    assert scheme_of(text) is None
