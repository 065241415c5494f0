"""What is added to a TOML document, and that nothing else of it changes."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.text.edits import MixedLineEnds
from release.text.toml_additions import Unfit, completed

WANTED = """\
# The release.
[tool.release]
branch = "main" # the default branch of origin
tag = "v{version}"

[tool.release.gates.test]
# as CI runs it
run = ["pytest -q"]

[[tool.bumpversion.files]]
filename = "a.py"

[[tool.bumpversion.files]]
filename = "b.py"
"""


def test_an_empty_document_becomes_the_wanted_one() -> None:
    assert tomllib.loads(completed("", WANTED)) == tomllib.loads(WANTED)
    assert completed("", "[a]\nb = 1\n") == "[a]\nb = 1\n"


def test_new_tables_stand_at_the_end_with_their_comments() -> None:
    after = completed("[project]\nname = 'x'", '# Why.\n[tool.release]\nbranch = "main"\n')
    assert after == "[project]\nname = 'x'\n\n# Why.\n[tool.release]\nbranch = \"main\"\n"


def test_keys_that_a_table_lacks_stand_below_its_header() -> None:
    before = '[tool.release]\ntag = "{version}"\n\n[tool.ruff]\nline-length = 100\n'
    after = completed(before, WANTED.partition("\n\n")[0])
    added = 'branch = "main" # the default branch of origin\n'
    assert after == before.replace("\n", f"\n{added}", 1)


def test_an_array_of_tables_that_is_there_is_left_alone() -> None:
    before = "[[tool.bumpversion.files]]\nfilename = 'z'\n"
    files = tomllib.loads(completed(before, WANTED))["tool"]["bumpversion"]["files"]
    assert files == [{"filename": "z"}]


def test_what_has_a_value_keeps_it_and_needs_nothing() -> None:
    before = "[tool]\nrelease = 1\n"
    assert completed(before, "[tool.release.gates.test]\nrun = []\n") == before


@pytest.mark.parametrize("before", ["tool = {release = {}}\n", 'tool.release.tag = "x"\n'])
def test_a_document_that_cannot_be_added_to_by_lines_is_unfit(before: str) -> None:
    with pytest.raises(Unfit):
        completed(before, '[tool.release]\nbranch = "main"\n')


def test_line_ends_and_the_byte_order_mark_stay() -> None:
    after = completed("\ufeff[a]\r\nb = 1", "[a]\nc = 2\n\n[d]\ne = 3\n")
    assert after == "\ufeff[a]\r\nc = 2\r\nb = 1\r\n\r\n[d]\r\ne = 3\r\n"
    with pytest.raises(MixedLineEnds):
        completed("[a]\r\nb = 1\nc = 2\r\n[d]\ne = 3\n", "[a]\nx = 1\n\n[z]\ny = 1\n")


KEYS = st.sampled_from(["branch", "tag", "a b", "ключ", "release"])
VALUES = st.sampled_from(
    [
        "1",
        "nan",
        '"#"',
        "'[tool.release]'",
        '"""\n[tool.release]\n"""',
        "[\n  1, # one\n]",
        "{a = 1}",
    ]
)
HEADERS = st.sampled_from(
    ["[tool.release]", "[ tool . 'release' ] # ours", "[tool.ruff]", "[tool.release.gates.test]",
     "[[tool.bumpversion.files]]", "[project]", "# [tool.release]"]
)  # fmt: skip
STATEMENTS = st.builds('"{}" = {}'.format, KEYS, VALUES) | HEADERS | st.just("")


@given(st.lists(STATEMENTS), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_the_rest_stays_byte_for_byte_and_twice_is_once(
    lines: list[str], end: str, ended: bool
) -> None:
    before = "\n".join(lines).replace("\n", end) + (end if ended else "")
    try:
        have = tomllib.loads(before)
    except tomllib.TOMLDecodeError:
        return
    try:
        after = completed(before, WANTED)
    except Unfit:
        return
    assert completed(after, WANTED) == after
    left = iter(after.split(end))
    assert all(line in left for line in before.split(end)[:-1])  # in this order
    found, said = (doc.get("tool", {}).get("release", {}) for doc in (tomllib.loads(after), have))
    assert all(repr(found[key]) == repr(said[key]) for key in said.keys() - {"gates"})
