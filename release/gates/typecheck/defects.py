"""What `prove` plants for the gate typecheck."""

from __future__ import annotations

from release.run.planting import Copy, Defect, add_code, function_returning, harmless_function


def wrong_type(copy: Copy) -> None:
    add_code(copy, function_returning('"text"'))


DEFECTS = (
    Defect(
        "a value of the wrong type",
        wrong_type,
        r"(?i)return-value|reportReturnType|return type \W?int",
        control=harmless_function,
    ),
)
