"""What `prove` plants for the gate test."""

from __future__ import annotations

import re

from release.run.planting import (
    PLANTED,
    CannotPlant,
    Copy,
    Defect,
    append,
    broken_import,
    git,
    harmless_comment,
    read,
    write,
)

TEST_MODULE = "test_planted_defect.py"
IS_TEST = re.compile(r"(?m)^\s*(?:async\s+)?def test|^class \w*Test")


def _add_test(copy: Copy, body: str) -> None:
    """Put a test into each module of tests: which of them are run is not known."""
    from release.project.declared import test_folders

    folders = test_folders(copy.project)
    listed = git(copy.root, "ls-files", "-z", "--", "*.py").split("\0")
    inside = [n for n in listed if any(n == f or n.startswith(f"{f}/") for f in folders)]
    named = [n for n in listed if re.search(r"(^|/)(test_[^/]*|[^/]*_test|tests)\.py$", n)]
    modules = [
        name
        for name in inside or named
        if (copy.root / name).is_file() and IS_TEST.search(read(copy, name))
    ]
    if not modules and folders:
        modules = [f"{folders[0]}/{TEST_MODULE}"]
    if not modules:
        raise CannotPlant("no module of tests was found")
    text = (
        "\nimport unittest\n\n\nclass TestPlantedDefect(unittest.TestCase):\n"
        f'    """Planted."""\n\n    def test_planted(self) -> None:\n'
        f'        """Look at what was planted."""\n        {body}'
    )
    for name in modules:
        if (copy.root / name).exists():
            append(copy, name, text)
        else:
            write(copy, name, f"{text}\n")


def failing_test(copy: Copy) -> None:
    _add_test(copy, f'self.fail("{PLANTED}")')


def harmless_test(copy: Copy) -> None:
    _add_test(copy, "self.assertTrue(True)")


DEFECTS = (
    Defect("a test that fails", failing_test, PLANTED, control=harmless_test),
    Defect(
        "a package that does not import",
        broken_import,
        PLANTED,
        control=harmless_comment,
        fallback=True,
    ),
)
