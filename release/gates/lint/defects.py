"""What `prove` plants for the gate lint."""

from __future__ import annotations

from release.run.planting import Copy, Defect, add_code, function_returning, harmless_function


def unknown_name(copy: Copy) -> None:
    add_code(copy, function_returning("a_name_that_nobody_defined"))


DEFECTS = (
    Defect(
        "a name that is not defined",
        unknown_name,
        "(?i)undefined.*a_name_that_nobody_defined",
        control=harmless_function,
    ),
)
