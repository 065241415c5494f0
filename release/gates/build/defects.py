"""What `prove` plants for the gate build."""

from __future__ import annotations

from release.run.planting import PLANTED, Copy, Defect, add_code, broken_import, private_key_text


def shipped_key(copy: Copy) -> None:
    add_code(copy, f'KEY = """\n{private_key_text()}"""\n')


DEFECTS = (
    Defect("a package that does not import", broken_import, PLANTED),
    Defect("a private key in the package", shipped_key, "(?i)private key"),
)
