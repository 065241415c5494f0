from ajolopy import Primitive


def test_a_primitive_says_its_name() -> None:
    assert str(Primitive("recall")) == "<recall>"
