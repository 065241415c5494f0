from ophamin import RECORD_SCHEMA, record


def test_a_record_states_its_schema() -> None:
    assert record("mass", 1.5)["schema"] == RECORD_SCHEMA
