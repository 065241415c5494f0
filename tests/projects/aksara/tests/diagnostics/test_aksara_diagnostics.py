import aksara


def test_the_version_is_known() -> None:
    assert aksara.__version__
