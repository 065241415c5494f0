import os

import psycopg
import pytest

URL = os.environ.get("DATABASE_URL", "")

pytestmark = pytest.mark.skipif(not URL, reason="there is no database")


def test_a_setting_goes_with_its_service() -> None:
    with psycopg.connect(URL) as connection:
        service = connection.execute(
            "INSERT INTO service (name) VALUES ('mail') RETURNING id"
        ).fetchone()
        connection.execute("INSERT INTO setting VALUES (%s, 'debug', 'no')", service)
        connection.execute("DELETE FROM service WHERE name = 'mail'")
        assert connection.execute("SELECT count(*) FROM setting").fetchone() == (0,)
