"""The checklist is added to a noxfile, and nothing that stands in it changes."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.adopt.noxfile import BLOCK, lacks_requirement, with_checklist
from release.adopt.templates import noxfile

OWN = """\
import nox


@nox.session
def test(session):
    session.run("pytest")
"""


def test_the_block_stands_at_the_end_as_formatters_have_it() -> None:
    assert with_checklist(OWN) == f"{OWN}\n\n{BLOCK}"
    assert with_checklist(OWN.rstrip("\n")) == f"{OWN}\n\n{BLOCK}"
    assert with_checklist("") == BLOCK


def test_the_one_that_is_written_runs_the_checklist_by_default(tmp_path: Path) -> None:
    (tmp_path / "noxfile.py").write_text(noxfile())
    command = [sys.executable, "-m", "nox", "--list", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    names = [session["session"] for session in json.loads(done.stdout)]
    assert names == ["release_preflight"]


@pytest.mark.parametrize(
    "line",
    [
        "from release.sessions import Sessions",
        "import release.sessions as ours",
        "if x:\n    from release.sessions import Sessions",
    ],
)
def test_a_noxfile_that_has_the_checklist_stays_as_it_is(line: str) -> None:
    assert with_checklist(f"{line}\n") == f"{line}\n"


@pytest.mark.parametrize("broken", ["def f(:\n", "x = 1\n  y = 2\n", "a\0b"])
def test_what_is_not_python_is_not_touched(broken: str) -> None:
    with pytest.raises(SyntaxError):
        with_checklist(broken)


STATEMENTS = st.sampled_from(
    ["import nox", "x = '''\n# no end'''", "nox.options.reuse_venv = True", "# a comment", "",
     "if __name__ == '__main__':\n    nox.main()", "def f():\n    return 1", "x = (1,\n  2)", "\f"]
)  # fmt: skip


ENDS, MARKS = st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\ufeff"])


@given(st.lists(STATEMENTS), ENDS, st.booleans(), MARKS)
def test_the_rest_stays_byte_for_byte_and_twice_is_once(
    lines: list[str], end: str, ended: bool, mark: str
) -> None:
    before = mark + "\n".join(lines).replace("\n", end) + (end if ended else "")
    after = with_checklist(before)
    assert after.startswith(before)
    assert with_checklist(after) == after
    *old, last = ast.parse(after.removeprefix("\ufeff")).body
    assert [*map(ast.dump, old)] == [*map(ast.dump, ast.parse(before.removeprefix("\ufeff")).body)]
    assert isinstance(last, ast.Try)


def test_the_own_sessions_run_where_nox_release_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "noxfile.py").write_text(with_checklist("print('own')\n"))
    command = [sys.executable, "-I", "-S", "noxfile.py"]  # -S: no site-packages
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "own\n"), done.stderr


def test_a_script_brings_its_own_requirements() -> None:
    script = '# /// script\n# dependencies = ["nox"]\n# ///\nimport nox\n'
    assert lacks_requirement(script)
    assert not lacks_requirement(script.replace('"nox"', '"nox-release"'))
    assert not lacks_requirement(OWN)
