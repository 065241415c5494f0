"""A plan as text, for people and for `git apply`."""

from __future__ import annotations

import subprocess
import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from release.errors import CannotCheck
from release.model import Edit, Finding, NewTag, Plan
from release.report.plan import remarks, render
from release.text.escaping import visible
from tests.support import git

PLAN = Plan(
    name="small-thing",
    base="1" * 40,
    previous="1.2.3",
    version="1.3.0",
    day=date(2026, 3, 4),
    edits=(Edit("a b.txt", "one\n1.2.3\nthree\n", "one\n1.3.0\nthree\n"),),
    commands=(("uv", "lock", "a b"),),
    writes=("uv.lock",),
    commit_message="Release 1.3.0: it's\n\n- A thing.\n",
    branch="main",
    tag=NewTag("v1.3.0", "small-thing 1.3.0"),
    remote="origin",
    pushes=("refs/heads/main:refs/heads/main", "refs/tags/v1.3.0:refs/tags/v1.3.0"),
    notes=(Finding("an old mention", "docs/x.md", 3, "change it"), Finding("something")),
)


def varied(**changes: object) -> str:
    from dataclasses import replace

    return render(replace(PLAN, **changes))  # type: ignore[arg-type]


def test_the_whole_plan_is_shown_in_the_order_it_happens() -> None:
    assert render(PLAN) == (
        "small-thing 1.2.3 → 1.3.0\n"
        "\n"
        "diff --git a/a b.txt b/a b.txt\n"
        "--- a/a b.txt\t\n"
        "+++ b/a b.txt\t\n"
        "@@ -1,3 +1,3 @@\n"
        " one\n"
        "-1.2.3\n"
        "+1.3.0\n"
        " three\n"
        "$ uv lock 'a b'\n"
        "$ git add -- 'a b.txt' uv.lock\n"
        "$ git commit --message 'Release 1.3.0: it'\"'\"'s' …\n"
        "$ git tag --annotate --message 'small-thing 1.3.0' v1.3.0\n"
        "$ git push --atomic --no-follow-tags origin refs/heads/main:refs/heads/main"
        " refs/tags/v1.3.0:refs/tags/v1.3.0\n"
        "\n"
        "The commit says:\n"
        "\n"
        "    Release 1.3.0: it's\n"
        "\n"
        "    - A thing.\n"
        "\n"
        "The tag says:\n"
        "\n"
        "    small-thing 1.3.0\n"
        "\n"
        "! docs/x.md:3: an old mention\n"
        "  → change it\n"
        "! something\n"
    )


@pytest.mark.parametrize(
    ("sign", "commit", "tag"),
    [
        (None, "git commit --message", "git tag --annotate --message"),
        (True, "git commit --gpg-sign --message", "git tag --sign --message"),
        (False, "git commit --no-gpg-sign --message", "git tag --annotate --no-sign --message"),
    ],
)
def test_the_commands_say_who_signs(sign: bool | None, commit: str, tag: str) -> None:
    text = varied(sign_commit=sign, tag=NewTag("v1.3.0", "x", sign))
    assert f"$ {commit} " in text
    assert f"$ {tag} " in text


def test_a_new_branch_is_made_from_its_commit() -> None:
    text = varied(branch="release/1.3.0", new_branch=True, tag=None, pushes=())
    assert "$ git switch --create release/1.3.0 111111111111\n" in text
    assert "git push" not in text
    assert "git tag" not in text


def test_a_tag_alone_changes_no_file() -> None:
    text = varied(edits=(), commands=(), commit_message=None)
    assert "diff" not in text
    assert "git commit" not in text
    assert "git tag" in text


def test_a_version_that_no_file_says_is_not_made_up() -> None:
    assert varied(previous=None).startswith("small-thing (no version in files) → 1.3.0\n")


def test_nothing_that_a_terminal_obeys_gets_out() -> None:
    evil = "\x1b[31mred\x07\x9b2J\r\n"
    text = varied(
        edits=(Edit("x\x1b", "", evil),),
        commit_message=evil,
        notes=(Finding(evil, "x\x1b", 1, evil),),
        name="n\x1b",
    )
    assert not [c for c in text if c not in "\n\t" and (ord(c) < 32 or 127 <= ord(c) < 160)]


def test_words_of_a_shell_are_quoted() -> None:
    text = varied(branch="$(reboot)", new_branch=True, tag=NewTag("v1;id", "`id`"))
    assert "'$(reboot)'" in text
    assert "'v1;id'" in text
    assert "'`id`'" in text


def test_remarks_name_their_place() -> None:
    found = (Finding("a", "p", 2, "do"), Finding("b", "p"), Finding("c"))
    assert list(remarks(found)) == ["! p:2: a", "  → do", "! p: b", "! c"]


lines = st.lists(st.sampled_from(["a", "b", "", "1.2.3", "--- x", "é", " "]), max_size=20)
texts = st.builds(lambda parts, end: "\n".join(parts) + end, lines, st.sampled_from(["\n", ""]))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("apply")
    git(root, "init", "--quiet")
    return root


def applied(root: Path, path: str, before: str, after: str) -> bytes:
    """What `git apply` makes of the file by the diff that is shown."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(before.encode())
    text = varied(edits=(Edit(path, before, after),), commands=(), notes=(), commit_message=None)
    diff = text[text.index("diff --git") : text.index("$ git")]
    subprocess.run(["git", "apply", "-"], input=diff.encode(), cwd=root, check=True)
    return (root / path).read_bytes()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts, texts)
@example("a\n" * 5, "b\n" + "a\n" * 4)
@example("x\n" + "a\n" * 9, "x\n" + "b\n" + "a\n" * 8)
@example("a\n" * 9 + "b", "a\n" * 8 + "b")
def test_the_diff_is_one_that_git_applies(repository: Path, before: str, after: str) -> None:
    if before.strip("\n") and after.strip("\n") and before != after:
        assert applied(repository, "file.txt", before, after) == after.encode()


def test_git_applies_what_commands_write_whatever_stands_in_a_line(repository: Path) -> None:
    after = "one\fmore\vand\x85so\u2028on\n" * 3
    (repository / "made.txt").write_text("one\n", encoding="utf-8")
    git(repository, "add", "made.txt")
    (repository / "made.txt").write_text(after, encoding="utf-8")
    text = varied(edits=(), made=git(repository, "diff", "--", "made.txt") + "\n")
    diff = text[text.index("diff --git") : text.index("$ git")]
    git(repository, "checkout", "--", "made.txt")
    subprocess.run(["git", "apply", "-"], input=diff.encode(), cwd=repository, check=True)
    assert (repository / "made.txt").read_text(encoding="utf-8") == visible(after)


def test_only_the_lines_around_a_change_are_shown() -> None:
    before = "".join(f"line {number}\n" for number in range(1, 1001))
    text = varied(edits=(Edit("x", before, before.replace("line 500\n", "line 500\nmore\n")),))
    assert "@@ -498,6 +498,7 @@\n line 498\n line 499\n line 500\n+more\n line 501\n" in text


def test_line_ends_are_shown_whatever_git_is_configured_to_make_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(
        "[core]\nautocrlf = true\n[diff]\nnoprefix = true\ncontext = 0\norderFile = nowhere\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    text = varied(edits=(Edit("x", "a\r\nb\r\n", "a\r\nc\n"),))
    assert "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a␍\n-b␍\n+c\n" in text


def test_a_repository_that_temporary_files_lie_in_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitattributes").write_text("* text eol=lf filter=upper\n")
    git(tmp_path, "config", "filter.upper.clean", "tr a-z A-Z")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    text = varied(edits=(Edit("x", "a\r\nb\r\n", "a\r\nc\n"),))
    assert "@@ -1,2 +1,2 @@\n a␍\n-b␍\n+c\n" in text


def test_a_git_that_shows_no_difference_is_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[diff]\nalgorithm = bogus\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    with pytest.raises(CannotCheck, match="git shows no difference"):
        varied(edits=(Edit("x", "a\n", "b\n"),))


@pytest.mark.parametrize("path", ["sp ace.txt", "-x.txt", "µ/ж.txt", 'quo"te.txt', "new\nline.txt"])
def test_the_diff_names_files_as_git_does(repository: Path, path: str) -> None:
    assert applied(repository, path, "a\n", "b\n") == b"b\n"
