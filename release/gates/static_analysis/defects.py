"""What `prove` plants for the gate static_analysis."""

from __future__ import annotations

from release.run.planting import PLANTED_FUNCTION, Copy, Defect, add_code, harmless_function


def shell_command(copy: Copy) -> None:
    code = (
        f'def {PLANTED_FUNCTION}(word: str) -> int:\n    """Say a word."""\n'
        '    return subprocess.call(f"echo {word}", shell=True)\n'
    )
    add_code(copy, code, "import subprocess")


DEFECTS = (Defect("a shell command", shell_command, "shell ?=", control=harmless_function),)
