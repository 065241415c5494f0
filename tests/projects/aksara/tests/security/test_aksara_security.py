from aksara import unsafe


def test_debugging_is_not_for_production() -> None:
    assert unsafe({"debug": "yes"}) == ["debug"]
