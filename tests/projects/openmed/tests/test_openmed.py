from openmed import terms


def test_terms_are_found_in_their_order() -> None:
    assert terms("Insulin, not aspirin.") == ["insulin", "aspirin"]
