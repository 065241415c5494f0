from __future__ import annotations

from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.gates.migrations.surroundings import Surroundings
from tests.support import write

ENVIRON = {
    "SHOP": "postgresql://production/shop",
    "DATABASE_URL": "postgresql://production/shop",
    "PGHOST": "production",
    "DB_HOST": "production",
    "DB_USER": "me",
    "HOME": "/home/me",
}


def refusal(surroundings: Surroundings, env: dict[str, str]) -> CannotCheck:
    with pytest.raises(CannotCheck) as caught:
        surroundings.close(env)
    return caught.value


def test_a_variable_that_leads_elsewhere_is_refused_until_it_is_set(tmp_path: Path) -> None:
    surroundings = Surroundings.find(tmp_path, ENVIRON)
    found = refusal(surroundings, {})
    assert found.reason.startswith("DB_HOST would lead")
    assert 'env = { DB_HOST = "{host}", DB_USER = "{user}" }' in found.remedy
    surroundings.close({"DB_HOST": "{host}"})
    assert surroundings.schemes == {"SHOP": "postgresql", "DATABASE_URL": "postgresql"}


def test_a_setting_that_names_a_database_is_refused(tmp_path: Path) -> None:
    surroundings = Surroundings.find(tmp_path, {})
    found = refusal(surroundings, {"SHOP": "psql://production/shop"})
    assert found.reason.startswith("SHOP would lead")
    surroundings.close({"SHOP": "psql://{host}/{database}", "OTHER": "{url}"})


def test_a_command_that_is_given_a_url_is_refused(tmp_path: Path) -> None:
    surroundings = Surroundings.find(tmp_path, {})
    surroundings.close({}, [["dbmate", "up"]])
    with pytest.raises(CannotCheck, match="the command dbmate is given the URL of a database"):
        surroundings.close({}, [["dbmate", "--url=postgres://production/x", "up"]])


def test_a_dotenv_file_counts_and_cannot_win_over_the_environment(tmp_path: Path) -> None:
    text = 'PG_HOST=production\nPGHOST=x\nSHOP="postgres://production/shop"\nDEBUG=1\n'
    write(tmp_path, {"server/.env": text, ".env.example": "DB_HOST=x\n"})
    surroundings = Surroundings.find(tmp_path, {"SHOP": "postgresql://here/shop"})
    assert refusal(surroundings, {}).reason.startswith("PG_HOST would lead")
    assert (tmp_path / "server/.env").read_text() == text
    surroundings.close({"PG_HOST": "{host}"})
    assert (tmp_path / "server/.env").read_text() == (
        '#PG_HOST=production\n#PGHOST=x\n#SHOP="postgres://production/shop"\nDEBUG=1\n'
    )
    assert surroundings.schemes == {"SHOP": "postgresql"}


def test_files_lead_to_one_scratch_database_after_the_other(tmp_path: Path) -> None:
    outside = tmp_path / "outside.ini"
    text = "[alembic]\r\nsqlalchemy.url = postgresql://production/shop\r\n"
    outside.write_bytes(text.encode())
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "linked.ini").symlink_to(outside)
    write(copy, {"db/alembic.ini": text.encode(), "pytest.ini": "[pytest]\n"})
    surroundings = Surroundings.find(copy, {})
    surroundings.close({})
    for database in ("one", "two", "two"):
        surroundings.lead(database, lambda scheme, name=database: f"{scheme}://h/{name}")  # type: ignore[misc]
        for name in ("db/alembic.ini", "linked.ini"):
            assert (copy / name).read_bytes().decode() == text.replace(
                "production/shop", f"h/{database}"
            )
    assert outside.read_bytes().decode() == text


def test_a_file_that_cannot_be_led_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"alembic.ini": "[alembic]\nsqlalchemy.url =\n    postgresql://production/x\n"})
    found = refusal(Surroundings.find(tmp_path, {}), {})
    assert found.reason == "alembic.ini, line 3, names a database that is not a scratch one"
    assert "on one line" in found.remedy
