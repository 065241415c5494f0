from ajolopy import PRIMITIVES, Primitive


def test_a_primitive_says_its_name() -> None:
    assert str(Primitive("recall")) == "<recall>"


def test_the_contract_has_ten_primitives() -> None:
    assert len(set(PRIMITIVES)) == 10
