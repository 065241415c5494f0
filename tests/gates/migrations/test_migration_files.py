from __future__ import annotations

import ast
import sys
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.gates.migrations.migration_files import in_order, kind_of, plant

FAIL = ("SELECT nextval('nox_release.seen')", "SELECT 1 / 0")
PLANTED = "SELECT nextval('nox_release.seen');\nSELECT 1 / 0;\n"

ALEMBIC = '''\
"""Add a table."""
from alembic import op
import sqlalchemy as sa

revision = "{0}"
down_revision = {1}


def upgrade() -> None:
    """Do it."""
    with op.batch_alter_table("é") as batch:
        batch.add_column(sa.Column("x"))  # both


def downgrade() -> None:
    op.execute("down")
'''
DJANGO = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddField("é", "x", models.TextField()),  # both
        migrations.AddField("order", "y", models.TextField()),{}
    ]
"""


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("migrations/0001.sql", "", "sql"),
        ("migrations/0001.up.sql", "", "sql"),
        ("migrations/0001.down.sql", "", None),
        ("migrations/U2__undo.sql", "", None),
        ("migrations/0001_rollback.sql", "", None),
        ("versions/a.py", ALEMBIC.format("a", None), "alembic"),
        ("shop/migrations/0001_initial.py", DJANGO, "django"),
        ("shop/migrations/__init__.py", "", None),
        ("migrations/env.py", "def upgrade(): pass\n", None),
        ("migrations/broken.py", "def upgrade(:\n", None),
        ("migrations/null.py", "a = '\0'", None),
        ("migrations/deep.py", "(" * 5000, None),
        ("migrations/README", "", None),
    ],
)
def test_migrations_are_known_by_their_names_and_their_code(
    path: str, text: str, kind: str | None
) -> None:
    assert kind_of(path, text) == kind


def test_numbers_in_names_are_ordered_by_their_value() -> None:
    names = ["m/10_c.sql", "m/9_b.sql", "m/009_a.sql", "m/9_b.down.sql", "m/notes.txt"]
    assert in_order(dict.fromkeys(names, "")) == ("m/009_a.sql", "m/9_b.sql", "m/10_c.sql")


def test_revisions_of_alembic_are_ordered_by_what_they_revise() -> None:
    files = {
        "v/a.py": ALEMBIC.format("last", '("one", "two")'),
        "v/b.py": ALEMBIC.format("one", '"base"'),
        "v/c.py": ALEMBIC.format("two", '"base"'),
        "v/d.py": ALEMBIC.format("base", None),
        "v/seed.sql": "",
    }
    order = in_order(files)
    assert (order[0], order[-1], len(order)) == ("v/d.py", "v/a.py", 4)


def test_revisions_that_revise_each_other_are_taken_by_name() -> None:
    files = {"v/a.py": ALEMBIC.format("a", '"b"'), "v/b.py": ALEMBIC.format("b", '"a"')}
    assert in_order(files) == ("v/a.py", "v/b.py")


def test_where_nothing_is_a_migration_there_is_no_order() -> None:
    assert in_order({"a.py": "", "b.md": ""}) == ()


@pytest.mark.parametrize(
    ("text", "at_the_end"),
    [
        ("CREATE TABLE a (b int);\n", "CREATE TABLE a (b int);\n{}"),
        ("CREATE TABLE a (b int)", "CREATE TABLE a (b int)\n;\n{}"),
        ("CREATE TABLE a (b int) -- all\n", "CREATE TABLE a (b int) -- all\n;\n{}\n"),
        ("CREATE TABLE a ();\n-- done\n", "CREATE TABLE a ();\n{}\n-- done\n"),
        ("BEGIN;\nCREATE TABLE a ();\nCOMMIT;\n", "BEGIN;\nCREATE TABLE a ();\n{}COMMIT;\n"),
        (
            "-- migrate:up\nCREATE TABLE a ();\n\n-- migrate:down\nDROP TABLE a;\n",
            "-- migrate:up\nCREATE TABLE a ();\n{}\n\n-- migrate:down\nDROP TABLE a;\n",
        ),
        (
            "-- +goose Up\nCREATE TABLE a ();\n-- +goose Down\nDROP TABLE a;\n",
            "-- +goose Up\nCREATE TABLE a ();\n{}\n-- +goose Down\nDROP TABLE a;\n",
        ),
        ("", "{}"),
        ("-- nothing yet\n", "-- nothing yet\n{}"),
        (
            "-- down payment in cents\nCREATE TABLE a ();\n--rollback DROP TABLE a;\n",
            "-- down payment in cents\nCREATE TABLE a ();\n{}\n--rollback DROP TABLE a;\n",
        ),
        (
            "CREATE TABLE a ();\r\n-- ==== DOWN ====\r\nDROP TABLE a;\r\n",
            "CREATE TABLE a ();\r\n{}\r\n-- ==== DOWN ====\r\nDROP TABLE a;\r\n",
        ),
        (
            "-- Up Migration\nCREATE TABLE a ();\n-- Down Migration\nDROP TABLE a;\n",
            "-- Up Migration\nCREATE TABLE a ();\n{}\n-- Down Migration\nDROP TABLE a;\n",
        ),
        (
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;\n",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;\n{}",
        ),
    ],
)
def test_statements_get_behind_those_of_an_sql_file(text: str, at_the_end: str) -> None:
    planted = plant("m/1.sql", text, FAIL, first=False)
    expected = at_the_end.format(PLANTED)
    assert planted.split() == expected.split()
    assert PLANTED in planted


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("CREATE TABLE a ();\n", ""),
        ("-- migrate:up\n\n/* a; */ CREATE TABLE a ();\n", "-- migrate:up\n\n/* a; */ \n"),
        ("-- why\nSTART TRANSACTION;\nDROP TABLE a;\nCOMMIT;\n", "-- why\nSTART TRANSACTION;\n"),
        ("-- migrate:down\nDROP TABLE a;\n", ""),
    ],
)
def test_statements_get_before_those_of_an_sql_file(text: str, before: str) -> None:
    planted = plant("m/1.sql", text, FAIL, first=True)
    assert planted.startswith(before + PLANTED)
    assert planted.replace(PLANTED, "", 1).split() == text.split()


class Recorder:
    """Stands in for alembic.op and for django.db.migrations."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def execute(self, statement: str) -> None:
        self.done.append(statement)

    def RunSQL(self, statement: str) -> str:  # noqa: N802
        return statement

    def AddField(self, model: str, *_: object) -> str:  # noqa: N802
        return f"field of {model}"

    def batch_alter_table(self, name: str) -> Recorder:
        self.done.append(f"alter {name}")
        return self

    def add_column(self, _column: object) -> None:
        self.done.append("add")

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.done.append("altered")


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    alembic = types.ModuleType("alembic")
    django = types.ModuleType("django")
    db = types.ModuleType("django.db")
    alembic.op = recorder  # type: ignore[attr-defined]
    recorder.Migration = object  # type: ignore[attr-defined]
    django.db = db  # type: ignore[attr-defined]
    db.migrations = recorder  # type: ignore[attr-defined]
    anything = types.SimpleNamespace(Column=str, TextField=str)
    db.models = anything  # type: ignore[attr-defined]
    for name, module in {
        "alembic": alembic,
        "alembic.op": recorder,
        "sqlalchemy": anything,
        "django": django,
        "django.db": db,
        "django.db.migrations": recorder,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    return recorder


def run_upgrade(text: str, recorder: Recorder) -> list[str]:
    names: dict[str, object] = {}
    exec(compile(text, "migration", "exec"), names)  # noqa: S102
    recorder.done.clear()
    names["upgrade"]()  # type: ignore[operator]
    return list(recorder.done)


ALTERED = ["alter é", "add", "altered"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_statements_get_into_a_revision_of_alembic(newline: str, modules: Recorder) -> None:
    text = ALEMBIC.format("a", None).replace("\n", newline)
    assert run_upgrade(plant("a.py", text, FAIL, first=False), modules) == [*ALTERED, *FAIL]
    assert run_upgrade(plant("a.py", text, FAIL, first=True), modules) == [*FAIL, *ALTERED]


@pytest.mark.parametrize(
    ("body", "done"),
    [
        (" pass", []),
        ('\n    """Only says something."""', []),
        (' op.execute("x"); op.execute("y")', ["x", "y"]),
        ('\n\top.execute("x")\n\t# done', ["x"]),
    ],
)
def test_statements_get_into_short_revisions_too(
    body: str, done: list[str], modules: Recorder
) -> None:
    text = f'from alembic import op\nrevision = "a"\ndef upgrade():{body}'
    assert run_upgrade(plant("a.py", text, FAIL, first=False), modules) == [*done, *FAIL]
    assert run_upgrade(plant("a.py", text, FAIL, first=True), modules) == [*FAIL, *done]


@pytest.mark.parametrize("end", ["", "  # no more", "\n        # no more"])
def test_statements_get_into_a_migration_of_django(end: str, modules: Recorder) -> None:
    fields = ["field of é", "field of order"]
    for text in (DJANGO.format(end), DJANGO.replace("()),{}", "())")):
        for first, expected in ((False, [*fields, *FAIL]), (True, [*FAIL, *fields])):
            names: dict[str, object] = {}
            planted = plant("a.py", text, FAIL, first=first)
            exec(compile(planted, "migration", "exec"), names)  # noqa: S102
            assert names["Migration"].operations == expected  # type: ignore[attr-defined]


def test_a_migration_of_django_without_operations_gets_the_first_ones() -> None:
    text = "class Migration:\n    operations = []\n"
    planted = plant("a.py", text, FAIL, first=False)
    assert planted.count("RunSQL") == 2
    ast.parse(planted)


def test_nothing_is_planted_in_what_is_no_migration() -> None:
    with pytest.raises(ValueError, match="neither SQL nor"):
        plant("a.py", "print(1)\n", FAIL, first=True)


def test_statements_that_tools_could_take_apart_are_not_planted() -> None:
    with pytest.raises(ValueError, match="a meaning elsewhere"):
        plant("1.sql", "", ("SELECT 1; SELECT 2",), first=True)


LINES = st.lists(
    st.sampled_from(
        ["CREATE TABLE a ();", "BEGIN;", "COMMIT;", "-- a", "-- migrate:down", "/* b */", "é", "\f"]
    ),
    max_size=6,
)


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans())
@settings(max_examples=200)
def test_the_rest_of_an_sql_file_stays_as_it_is(
    lines: list[str], newline: str, first: bool
) -> None:
    text = newline.join(lines)
    planted = plant("1.sql", text, FAIL, first=first)
    before, found, after = planted.partition(PLANTED)
    assert found
    assert text.endswith(after.lstrip() if not first else after)
    assert text.split() == [word for word in (before + after).split() if word != ";"]


def test_a_large_file_takes_linear_time() -> None:
    text = "INSERT INTO a VALUES (1); /* COMMIT END\n-- migrate:up\n---- down x\n" * 40_000
    assert plant("1.sql", text, FAIL, first=False).count(PLANTED) == 1
