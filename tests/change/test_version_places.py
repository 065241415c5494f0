from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from release.change.mentions import Rank, other_mentions, remarks
from release.change.releasing import TOOLS
from release.change.searches import MAX_REGEX, SEARCH, ListedPlace
from release.change.version_places import Change, bump_my_version, edit_places
from release.change.version_table import listed_places
from release.errors import ConfigurationError
from release.model import Finding
from release.project import VersionPlace, read_project
from release.run.environments import Environment
from release.run.runner import Run, open_shell
from release.run.shell import Shell
from release.run.store import Store
from tests.editor import edit
from tests.support import make_project

OLD, NEW = "1.2.3", "1.3.0"
DAY = date(2026, 1, 2)
ASSIGNED = {"search": 'version = "{current_version}"', "replace": 'version = "{new_version}"'}
PYPROJECT = "pyproject.toml"
IN_PROJECT = "[project] version"
IN_TABLE = "[tool.bumpversion] current_version"


def listed(path: str = "file", **details: Any) -> ListedPlace:
    return ListedPlace(path, **details)


def bumped(
    text: str,
    *places: ListedPlace,
    known: Sequence[VersionPlace] = (),
    path: str = "file",
    previous: str = OLD,
    version: str = NEW,
    today: date | None = None,
) -> str:
    listed = [replace(place, path=path) for place in places]
    change = Change(previous, version, today or DAY)
    return edit_places({path: text}, listed, known, change, edit).get(path, text)


def problems(function: Callable[..., Any], *arguments: Any, **details: Any) -> list[Finding]:
    with pytest.raises(ConfigurationError) as caught:
        function(*arguments, **details)
    return list(caught.value.problems)


def problem(function: Callable[..., Any], *arguments: Any, **details: Any) -> Finding:
    (found,) = problems(function, *arguments, **details)
    return found


def table(text: str) -> tuple[Mapping[str, Any], str]:
    """The [tool.bumpversion] table of a document, and the document."""
    source = "[tool.bumpversion]\n" + text
    return tomllib.loads(source)["tool"]["bumpversion"], source


def places(
    text: str,
    tracked: Sequence[str] = (),
    matches: Mapping[str, int] | None = None,
) -> tuple[ListedPlace, ...]:
    found, source = table(text)
    return listed_places(found, tracked, matches or {}, source)


def entry(text: str) -> str:
    return "[[tool.bumpversion.files]]\n" + text


def known(path: str, line: int, label: str, value: str = OLD) -> VersionPlace:
    return VersionPlace(path, line, value, label)


# What the table says


def test_an_entry_takes_what_it_lacks_from_the_table() -> None:
    found = places(
        'search = "is {current_version}"\nreplace = "is {new_version}"\n'
        "ignore_missing_files = true\n"
        + entry('filename = "./a//b.txt"\n')
        + entry('filename = "c"\nsearch = "{current_version}"\nreplace = "{new_version}"\n')
    )
    assert [(p.path, p.search, p.replace) for p in found] == [
        ("a/b.txt", "is {current_version}", "is {new_version}"),
        ("c", "{current_version}", "{new_version}"),
    ]
    assert all(place.ignore_missing_file and not place.ignore_missing_version for place in found)
    assert [place.line for place in found] == [5, 7]


def test_an_entry_with_nothing_but_a_name_searches_the_version() -> None:
    (place,) = places(entry('filename = "{repo_root}/VERSION"'))
    assert place == ListedPlace("VERSION", line=2)


def test_the_table_s_own_version_is_not_listed_by_itself() -> None:
    assert places('current_version = "1.2.3"\n') == ()  # the project reader finds it
    assert listed_places({}, (), {}) == ()


def test_a_file_that_several_entries_name_has_several_places() -> None:
    found = places(entry('filename = "a"\n') + entry('filename = "a"\n'), matches={"./a": 3})
    assert [(place.path, place.expected, place.together) for place in found] == [("a", 3, True)] * 2


TRACKED = [
    "m.md", ".q.md", "a/x.md", "a/.q.md", "a/[x].md", "a/b/y.md", ".h/z.md", "a/.h/w.md",
    "a/b/y.txt",
]  # fmt: skip


@pytest.mark.parametrize(
    ("glob", "excluded", "expected"),
    [
        # As wcmatch 10, which bump-my-version globs with, expands them on those files.
        ("**/*.md", [], ["m.md", "a/x.md", "a/[x].md", "a/b/y.md"]),
        ("a/**", [], ["a/x.md", "a/[x].md", "a/b/y.md", "a/b/y.txt"]),
        ("*.md|a/*.md", [], ["m.md", "a/x.md", "a/[x].md"]),
        ("./a/*.md", [], ["a/x.md", "a/[x].md"]),
        ("**/*.md", ["a/**"], ["m.md"]),
        ("**/*.md", ["a/*"], ["m.md", "a/b/y.md"]),
        ("a/.*.md", [], ["a/.q.md"]),
        ("**/.*.md", [], [".q.md", "a/.q.md"]),
        ("**/*.md", ["*.md"], ["a/x.md", "a/[x].md", "a/b/y.md"]),
        ("a/[^y].md", [], ["a/x.md"]),
        ("a/**/y.*", [], ["a/b/y.md", "a/b/y.txt"]),
        ("a/**/*.md", ["**/b/**"], ["a/x.md", "a/[x].md"]),
    ],
)
def test_a_glob_is_expanded_over_the_tracked_files(
    glob: str, excluded: list[str], expected: list[str]
) -> None:
    found = listed_places({"files": [{"glob": glob, "glob_exclude": excluded}]}, TRACKED, {})
    assert [place.path for place in found] == expected


def test_a_glob_of_many_stars_takes_no_time() -> None:
    path = "a" * 250 + "/" + "/".join("ab" * 50)
    for glob in ("**/" * 20 + "a*" * 60 + "z", "**/" * 3000 + "z"):
        table = {"files": [{"glob": glob, "ignore_missing_file": True}]}
        assert listed_places(table, [path], {}) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('filename = "../x"', "'../x' is not a path inside the repository"),
        ('filename = "/etc/x"', "is not a path inside the repository"),
        ('filename = "C:\\\\x"', "is not a path inside the repository"),
        ('filename = "a/{repo_root}/b"', "is not a path inside the repository"),
        ('filename = "."', "is not a path inside the repository"),
        ('glob = "../*.md"', "is not a path inside the repository"),
        ('glob = "*.rst"', "matches no tracked file"),
        ('glob = "@(a|b).md"', "is not supported"),
        ('search = "{current_version}"', "has neither filename nor glob"),
        ("filename = 1", "filename must be text"),
        ('filename = "a"\nregex = "yes"', "regex must be true or false"),
        ('filename = "a"\ninclude_bumps = "major"', "include_bumps must be a list of texts"),
        ('filename = "a"\nserialize = ["{major}", "{minor}"]', "one format only"),
        ('filename = "a"\nserialize = "{major}"', "serialize must be a list of texts"),
        ('filename = "a"\nsearch = "x {"', "cannot be read"),
        ('filename = "a"\nsearch = "v = {current_version}"', "has no replace"),
        ('filename = "a.json"\nkey_path = "version"', "key_path is for TOML files"),
        (
            'filename = "a.toml"\nkey_path = "v"\nsearch = "x"\nreplace = "y"',
            "not supported beside a key_path",
        ),
    ],
)
def test_an_entry_that_cannot_be_followed_is_an_error_with_its_line(
    text: str, message: str
) -> None:
    found = problem(places, "\n" + entry(text + "\n"), ["a.md"])
    assert message in found.message
    assert (found.path, found.line) == (PYPROJECT, 3)


def test_all_problems_of_the_table_are_reported_at_once() -> None:
    text = "current_version = 1\n" + entry('filename = "../x"\n') + entry("filename = 2\n")
    assert [found.line for found in problems(places, text)] == [2, 3, 5]


def test_a_table_of_another_shape_is_an_error() -> None:
    assert "must be a table" in problem(listed_places, {"files": ["README.md"]}, (), {}).message
    assert "neither" in problem(listed_places, {"files": {"a": {}}}, (), {}).message
    found = problem(places, '[[tool.bumpversion.file]]\nfilename = "a"\n')
    assert ("file is not read" in found.message, found.line) == (True, 2)


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ('parts = ["a"]', "parts must be a table", "[tool.bumpversion.parts.release]"),
        ("parts.major = 1", "parts.major must be a table", 'values = ["rc", "final"]'),
        ("parts.a.values = 1", "parts.a.values must be a list of texts", 'values = ["…"]'),
        ('parts.a.independent = "no"', "independent must be true or false", "= true"),
        ("parse = 1", "parse must be text", 'parse = "…"'),
        ('parse = "("', "parse is not a regular expression", "leave it out"),
        ("search = 1", "search must be text", 'search = "…"'),
        ("regex = 1", "regex must be true or false", "regex = true"),
    ],
)
@pytest.mark.parametrize("more", ["", entry('filename = "a"\n')])
def test_a_key_of_the_table_that_is_of_another_type_is_an_error_with_what_to_write(
    text: str, message: str, remedy: str, more: str
) -> None:
    found = problem(places, f"\n{text}\n{more}")
    assert message in found.message
    assert remedy in str(found.remedy)
    assert (found.path, found.line) == (PYPROJECT, 3)


def test_a_count_for_a_file_that_is_not_listed_is_an_error() -> None:
    assert "names b" in problem(places, entry('filename = "a"'), matches={"b": 2}).message


def test_an_overlong_expression_is_an_error() -> None:
    files = [{"filename": "a", "regex": True, "search": "x" * (MAX_REGEX + 1)}]
    assert "longer than" in problem(listed_places, {"files": files}, (), {}).message


# What is found and changed


@pytest.mark.parametrize(
    "decoy",
    [
        "11.2.30", "11.2.3", "1.2.30", "1.2.3.4", "0.1.2.3", "1.2.3rc1", "1.2.3-rc.1", "1.2.3.dev0",
        "1.2.3.post1", "1.2.3-1", "1.2.3+local", "1!1.2.3", "1.2.3.*", "1.2.3.x", "1_2.3",
        "rev1.2.3", "1.2.3a", "1.2.3-ALPHA", "v11.2.3", "١1.2.3",
    ],
)  # fmt: skip
def test_what_only_looks_like_the_version_is_left_alone(decoy: str) -> None:
    assert bumped(f"{decoy} is 1.2.3 {decoy}", listed()) == f"{decoy} is 1.3.0 {decoy}"


@pytest.mark.parametrize(
    "around",
    ["{}", "v{}", "V{}", "({})", '"{}"', "{}.", "pkg-{}.tar.gz", "pkg-{}-py3", "=={}", "@v{}",
     "{}-blue", "/{}/", "{}-alpine", "{},", "é {} é"],
)  # fmt: skip
def test_a_whole_version_is_found_between_marks(around: str) -> None:
    assert bumped(around.format(OLD), listed()) == around.format(NEW)


def test_a_search_does_not_begin_within_a_word() -> None:
    place = listed(search="version: {current_version}", replace="version: {new_version}")
    text = "cff-version: 1.2.3\nmyversion: 1.2.3\nversion: 1.2.3\n"
    assert bumped(text, place) == text.replace("\nversion: 1.2.3", "\nversion: 1.3.0")
    assert bumped("x.version: 1.2.3", place) == "x.version: 1.3.0"
    assert bumped("--version: 1.2.3", place) == "--version: 1.3.0"


def test_a_search_does_not_end_within_a_word() -> None:
    place = listed(search="{current_version} of x", replace="{new_version} of x")
    assert bumped("1.2.3 of xy, 1.2.3 of x", place) == "1.2.3 of xy, 1.3.0 of x"


def test_a_version_that_is_nowhere_is_an_error() -> None:
    found = problem(bumped, "a\nis 1.2.30\n", listed(line=7))
    assert found.message == "'1.2.3' is in it only as a part of something longer"
    assert (found.path, found.line) == ("file", 2)
    assert "pyproject.toml:7" in str(found.remedy)
    assert problem(bumped, "none", listed()).message == "'1.2.3' is nowhere in it"


def test_a_version_that_may_be_missing_is_no_error() -> None:
    assert bumped("none", listed(ignore_missing_version=True)) == "none"


def test_a_version_that_is_there_too_often_is_an_error_with_all_its_lines() -> None:
    found = problem(bumped, "1.2.3\n\n1.2.3 and 1.2.3\n", listed())
    assert found.message == "'1.2.3' is in it 3 times, not once: lines 1, 3, 3"
    assert 'set "file" = 3 in [tool.release.bump.matches]' in str(found.remedy)


def test_a_count_says_how_often_it_must_be_there() -> None:
    place = listed(expected=2, together=True)
    assert bumped("1.2.3 1.2.3", place) == "1.3.0 1.3.0"
    assert "is in it once, not 2 times" in problem(bumped, "1.2.3", place).message


def test_a_count_is_of_all_entries_of_the_file() -> None:
    both = [
        listed(search="v{current_version}", replace="v{new_version}", expected=3, together=True),
        listed(expected=3, together=True),
    ]
    assert bumped("v1.2.3 1.2.3 1.2.3", *both) == "v1.3.0 1.3.0 1.3.0"
    found = problem(bumped, "v1.2.3 1.2.3", *both)
    assert found.message == "'v1.2.3' or '1.2.3' is in it 2 times, not 3 times: lines 1, 1"
    assert "nowhere" in problem(bumped, "1.2.3 1.2.3 1.2.3", *both).message


def test_a_later_entry_does_not_find_what_an_earlier_one_changed() -> None:
    first = listed(search="v{current_version}", replace="v{new_version}")
    assert bumped("v1.2.3 and 1.2.3", first, listed()) == "v1.3.0 and 1.3.0"
    found = problem(bumped, "v1.2.3", first, listed())
    assert found.message == "every '1.2.3' is changed by another entry already"


def test_an_entry_does_not_find_what_another_one_wrote() -> None:
    first = listed(search="a {current_version}", replace="a {new_version} after {current_version}")
    text = bumped("a 1.2.3\nb 1.2.3\n", first, listed(search="b {current_version}", replace="b 2"))
    assert text == "a 1.3.0 after 1.2.3\nb 2\n"


def test_a_search_that_names_the_version_itself_is_an_error() -> None:
    found = problem(bumped, "v = 1.2.3", listed(search="v = 1.2.3", replace="v = {new_version}"))
    assert "would fail the next time" in found.message
    assert found.path == PYPROJECT


def test_a_search_without_the_version_is_a_marker() -> None:
    place = listed(
        search="## Unreleased", replace="## Unreleased\n\n## {new_version} ({now:%d.%m.%Y})"
    )
    text = bumped("# x\r\n## Unreleased\r\ny", place, today=DAY)
    assert text == "# x\r\n## Unreleased\r\n\r\n## 1.3.0 (02.01.2026)\r\ny"


def test_a_search_over_several_lines_keeps_their_ends() -> None:
    place = listed(
        search="a:\n  v {current_version}\n", replace="a:\n  v {new_version}\n", expected=2
    )
    text = "a:\r\n  v 1.2.3\na:\n  v 1.2.3\r\n"
    assert bumped(text, place) == text.replace(OLD, NEW)
    other = listed(search="a:\nv {current_version}\n", replace="b:\nv {new_version}\n!\n")
    assert bumped("x\r\na:\r\nv 1.2.3\r\n", other) == "x\r\nb:\r\nv 1.3.0\r\n!\r\n"
    mixed = problem(bumped, "x\r\na:\r\nv 1.2.3\n", other)
    assert "line ends of two kinds" in mixed.message
    three = "a: {current_version}\nb: {current_version}\nc: {current_version}\n"
    two = listed(search=three, replace="a: {new_version}\n!\n")
    mixed = problem(bumped, "x\na: 1.2.3\r\nb: 1.2.3\nc: 1.2.3\r\ny", two)
    assert "line ends of two kinds" in mixed.message


def test_a_marker_without_a_replacement_becomes_the_version() -> None:
    (place,) = places(entry('filename = "file"\nsearch = "Unreleased"\n'))
    assert bumped("## Unreleased\n\n## 1.2.3\n", place) == "## 1.3.0\n\n## 1.2.3\n"


def test_a_time_is_the_beginning_of_the_day() -> None:
    (place,) = places(
        entry(
            'filename = "file"\nregex = true\nsearch = "created=[0-9T:-]+Z"\n'
            'replace = "created={utcnow:%Y-%m-%dT%H:%M:%SZ}"\n'
        )
    )
    text = bumped('LABEL created=2025-01-01T09:11:12Z "x"\n', place)
    assert text == 'LABEL created=2026-01-02T00:00:00Z "x"\n'


def test_parts_of_the_version_are_fields() -> None:
    place = listed(
        search="({current_major}, {current_minor}, {current_patch})",
        replace="({new_major}, {new_minor}, {new_patch})",
    )
    assert bumped("v = (1, 2, 3)", place) == "v = (1, 3, 0)"


def test_an_entry_s_own_format_makes_its_version() -> None:
    place = listed(serialize=("{major}.{minor}",))
    assert bumped("short = 1.2, not 1.2.3", place) == "short = 1.3, not 1.2.3"


def test_a_regular_expression_may_use_groups_and_flags() -> None:
    place = listed(
        search=r"(?i)(RELEASE)\s*=\s*(['\"]){current_version}\2",
        replace=r"\g<1> = '{new_version}'",
        regex=True,
    )
    assert bumped('x\nrelease   = "1.2.3"\n', place) == "x\nrelease = '1.3.0'\n"
    anchored = listed(search="^{current_version}$", replace="{new_version}", regex=True)
    assert bumped("v1.2.3\r\n1.2.3\r\n", anchored) == "v1.2.3\r\n1.3.0\r\n"


@pytest.mark.parametrize(
    ("search", "texts"),
    [
        ("{current_version}", ["v 11.2.3", "v11.2.30", "1.2.30", "is: 1.2.3rc1"]),
        ("v.?{current_version}", ["v 11.2.3", "v11.2.30", "v 1.2.30", "v1.2.3rc1", "dev1.2.3rc1"]),
        ("is: {current_version}", ["this: 1.2.3", "this-is: 1.2.3", "is: 1.2.3rc1"]),
        ("(is: ){current_version}'", ["is: 11.2.3'", "is: 1.2.30'"]),
    ],
)
def test_a_regular_expression_finds_whole_versions_alone(search: str, texts: list[str]) -> None:
    place = listed(search=search, replace="x", regex=True, ignore_missing_version=True)
    assert bumped("\n".join(texts), place) == "\n".join(texts)


@pytest.mark.parametrize(
    ("search", "replace", "line"),
    [
        ("^.*{current_version}.*$", "v {new_version}", 1),
        ("(v = ){current_version}.*", r"\g<1>{new_version}", 3),
        ("""a[^"]*{current_version}""", "a {new_version}", 1),
        (r"\nv = {current_version}\n.*", r"\nv = {new_version}\n", 2),
    ],
)
def test_an_expression_that_takes_lines_away_unsaid_is_an_error(
    search: str, replace: str, line: int
) -> None:
    place = listed(search=search, replace=replace, regex=True, line=8)
    found = problem(bumped, "a\nb\nv = 1.2.3\nc\nd\n", place)
    assert "of them would be gone" in found.message
    assert (found.path, found.line) == ("file", line)
    assert r"write [^\n]* in place of .*" in str(found.remedy)
    assert "pyproject.toml:8" in str(found.remedy)


@pytest.mark.parametrize(
    ("search", "replace", "expected"),
    [
        (r"(\[a\].*?v = ){current_version}", r"\g<1>{new_version}", "[a]\nb\nv = 1.3.0\nc\n"),
        (r"b\nv = {current_version}\n", "b {new_version}\n", "[a]\nb 1.3.0\nc\n"),
        ("v = {current_version}\nc\n", "", "[a]\nb\n"),
        (r"[^\n]*{current_version}[^\n]*", "{new_version}", "[a]\nb\n1.3.0\nc\n"),
    ],
)
def test_an_expression_may_match_lines_that_it_keeps_or_spells(
    search: str, replace: str, expected: str
) -> None:
    place = listed(search=search, replace=replace, regex=True)
    assert bumped("[a]\nb\nv = 1.2.3\nc\n", place) == expected


def test_a_replacement_that_names_no_group_is_an_error() -> None:
    place = listed(search="(v){current_version}", replace=r"\1{new_version}", regex=True, line=4)
    found = problem(bumped, "v1.2.3", place)
    assert "invalid group reference 11" in found.message
    assert (found.path, found.line) == (PYPROJECT, 4)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (listed(search="{current_versoin}", line=4), "the field {current_versoin} is not known"),
        (listed(search="{$HOME} 1", line=4), "the field {$HOME} is not known"),
        (listed(replace="{$HOME}", line=4), "the field {$HOME} is not known"),
        (listed(serialize=("{$HOME}",), line=4), "$HOME"),
        (listed(search="{current_version.x}", line=4), "has no attribute 'x'"),
        (listed(replace="{now:%Y-%Q}{", line=4), "Single '{' encountered"),
        (listed(search="({current_version}", regex=True, line=4), "unterminated subpattern"),
    ],
)
def test_what_the_tool_says_of_an_entry_has_the_entry_s_line(place: ListedPlace, said: str) -> None:
    found = problem(bumped, "1.2.3", place)
    assert said in found.message
    assert (found.path, found.line) == (PYPROJECT, 4)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text + "x",
        lambda text: text.replace("1.2.30", "1.3.00"),
        lambda text: text.replace(NEW, "1.3.1"),
        lambda text: text.replace(NEW, f"{NEW}.1"),
        lambda text: text.replace("b", "B"),
        lambda text: text.replace("\n", "\n\n"),
        lambda _: "",
        lambda text: text.replace(NEW, OLD),
    ],
    ids=[
        "more at the end", "a look-alike", "another version", "a longer one", "what is between",
        "line ends", "nothing", "not changed",
    ],
)  # fmt: skip
def test_what_the_tool_wrote_besides_is_refused(damage: Callable[[str], str]) -> None:
    def damaging(request: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{**answer, "after": damage(answer["after"])} for answer in edit(request)]

    text = "a 1.2.3\nb 1.2.30\nc 1.2.3\n__version__ = '1.2.3'\n"
    for entries, stated in (
        ([listed("a.py", search="{current_version}\n", replace="{new_version}\n", expected=2)], []),
        ([], [known("VERSION", 1, "the whole file")]),
    ):
        path = stated[0].path if stated else "a.py"
        body = "1.2.3\n" if stated else text
        if damage(body.replace(OLD, NEW)) == body.replace(OLD, NEW):
            continue
        change = Change(OLD, NEW, DAY)
        found = problem(edit_places, {path: body}, entries, stated, change, damaging)
        assert "did not do what it was told" in found.message


def test_many_matches_take_linear_time() -> None:
    assert "100000 times" in problem(bumped, "1.2.3\n" * 100_000, listed()).message


def test_a_file_of_any_size_comes_back_from_the_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = read_project(make_project(tmp_path / "project"))
    monkeypatch.setattr(Shell, "tools", Environment(Path(sys.prefix)))
    text = f'{{"version": "1.2.3", "packages": "{"x" * 9_000_000}"}}\n'
    place = listed(
        "package-lock.json",
        search='"version": "{current_version}"',
        replace='"version": "{new_version}"',
    )
    run = Run(project, Store(project.root), tmp_path / "tools")
    with open_shell(run, TOOLS) as shell:
        editor = bump_my_version(shell)
        changed = edit_places({place.path: text}, [place], [], Change(OLD, NEW, DAY), editor)
    assert changed == {place.path: text.replace(OLD, NEW)}
    assert len((project.root / ".release/logs/bump.log").read_text(encoding="utf-8")) < 1_000


# Places that the syntax of a file has

DECOYS = """\
description = "1.2.3"
dependencies = ["x==1.2.3"] # version = "1.2.3"

[tool.black]
target-version = "1.2.3"
minversion = "1.2.3"
numbers = [1.0, nan, 1_000, 0x10]
"""


@pytest.mark.parametrize(
    "statement",
    [
        'version = "1.2.3"',
        "version = '1.2.3' # 1.2.3",
        '"version"="1.2.3"',
        'version = """1.2.3"""',
        "version = '''\n1.2.3'''",
        'version    =    "1.2.3"\t# it\'s "1.2.3"',
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_project_s_version_alone_is_changed_in_pyproject(
    statement: str, end: str, mark: str
) -> None:
    text = mark + f'[project]\nname = "x"\n{statement}\n{DECOYS}'.replace("\n", end)
    changed = bumped(text, known=[known(PYPROJECT, 3, IN_PROJECT)], path=PYPROJECT)
    new = statement.replace(OLD, NEW, 1).replace("\n", end)
    assert changed == text.replace(statement.replace("\n", end), new, 1)


@pytest.mark.parametrize(
    "text",
    [
        'project = { name = "1.2.3", version = "1.2.3", urls = { version = "1.2.3" } }\n',
        'project.name = "1.2.3"\nproject.version = "1.2.3"\nx.version = "1.2.3"\n',
        '[tool.x]\nversion = "1.2.3"\n[project]\nname = "1.2.3"\nversion = "1.2.3"\n',
    ],
)
def test_inline_tables_and_dotted_keys_are_understood(text: str) -> None:
    # The line is a wrong one on purpose: it only says where to look first.
    changed = bumped(text, known=[known(PYPROJECT, 1, IN_PROJECT)], path=PYPROJECT)
    before, after = tomllib.loads(text), tomllib.loads(changed)
    assert after["project"].pop("version") == NEW
    assert before["project"].pop("version") == OLD
    assert before == after


def test_the_tables_of_poetry_and_of_the_tool_are_edited_too() -> None:
    text = '[tool.poetry]\nversion = "1.2.3"\n[tool.bumpversion]\ncurrent_version = "1.2.3"\n'
    found = [known(PYPROJECT, 2, "[tool.poetry] version"), known(PYPROJECT, 4, IN_TABLE)]
    own = listed(PYPROJECT, key_path="tool.bumpversion.current_version")
    assert bumped(text, own, known=found, path=PYPROJECT) == text.replace(OLD, NEW)


def test_a_listed_search_may_find_a_known_place() -> None:
    text = '[project]\nversion = "1.2.3"\n[tool.bumpversion]\ncurrent_version = "1.2.3"\n'
    both = [known(PYPROJECT, 2, IN_PROJECT), known(PYPROJECT, 4, IN_TABLE)]
    expected = text.replace(OLD, NEW)
    assert bumped(text, listed(PYPROJECT, **ASSIGNED), known=both, path=PYPROJECT) == expected
    # Every match is a place that is known: nothing is in doubt.
    assert bumped(text, listed(PYPROJECT), known=both, path=PYPROJECT) == expected
    more = text + '[x]\nd = ["y==1.2.3"]\n'
    found = problem(bumped, more, listed(PYPROJECT), known=both, path=PYPROJECT)
    assert "lines 2, 4, 6" in found.message


def test_a_replacement_around_a_known_place_stands_for_it() -> None:
    place = listed("a.py", search='= "{current_version}"', replace='= "{new_version}"  # now')
    text = '__version__ = "1.2.3"\n'
    changed = bumped(text, place, known=[known("a.py", 1, "__version__")], path="a.py")
    assert changed == '__version__ = "1.3.0"  # now\n'


@pytest.mark.parametrize(
    ("text", "label", "place", "expected"),
    [
        (
            '# dev\nv1 = "1.2.3"\nw1 = "1.2.3"\n',
            "v1",
            listed(search="# dev\n", replace=""),
            'v1 = "1.3.0"\nw1 = "1.2.3"\n',
        ),
        (
            'w1 = "1.2.3"\nv1 = "1.2.3"; w2 = "1.2.3"\n',
            "v1",
            listed(search='w1 = "{current_version}"\n', replace='\n\nw1 = "was {new_version}"\n'),
            '\n\nw1 = "was 1.3.0"\nv1 = "1.3.0"; w2 = "1.2.3"\n',
        ),
        (
            '"""x 1.2.3"""; w1 = "1.2.3"; v1 = "1.2.3"\n',
            "v1",
            listed(search="x {current_version}", replace="{new_major}"),
            '"""1"""; w1 = "1.2.3"; v1 = "1.3.0"\n',
        ),
    ],
)
def test_a_known_place_that_another_entry_moved_is_edited_where_it_is_by_then(
    text: str, label: str, place: ListedPlace, expected: str
) -> None:
    line = text[: text.index(label)].count("\n") + 1
    assert bumped(text, place, known=[known("a.py", line, label)], path="a.py") == expected


def test_an_edit_before_a_known_place_on_its_line_does_not_hinder_it() -> None:
    text = 'setup(name="x", url="https://x/1.2.9", version="1.2.9")\n'
    place = listed(search="https://x/{current_version}", replace="https://x/{new_version}")
    stated = known("setup.py", 1, "setup(version=...)", "1.2.9")
    changed = bumped(
        text, place, known=[stated], path="setup.py", previous="1.2.9", version="1.2.10"
    )
    assert changed == text.replace("1.2.9", "1.2.10")


def test_several_known_places_of_one_line_are_edited() -> None:
    text = 'v1 = "1.2.9"; w1 = "1.2.9"; x1 = "1.2.9"\n'
    stated = [known("a.py", 1, name, "1.2.9") for name in ("v1", "x1", "v1")]
    changed = bumped(text, known=stated, path="a.py", previous="1.2.9", version="1.2.10")
    assert changed == 'v1 = "1.2.10"; w1 = "1.2.9"; x1 = "1.2.10"\n'


def test_a_replacement_that_spoils_a_known_place_is_an_error() -> None:
    place = listed("a.py", search='= "{current_version}"', replace='= "v{new_version}"')
    found = problem(
        bumped,
        '\n__version__ = "1.2.3"\n',
        place,
        known=[known("a.py", 2, "__version__")],
        path="a.py",
    )
    assert (found.message, found.line) == ("__version__ would not become 1.3.0", 2)


def test_entries_that_overlap_a_known_place_in_part_are_an_error() -> None:
    place = listed("a.py", search='= "{current_major}.', replace='= "{new_minor}.')
    found = problem(
        bumped,
        '__version__ = "1.2.3"\n',
        place,
        known=[known("a.py", 1, "__version__")],
        path="a.py",
    )
    assert (found.message, found.line) == ("__version__ would not become 1.3.0", 1)


def test_a_value_that_is_not_written_plainly_is_an_error() -> None:
    text = '[project]\nversion = "1.2\\u002e3"\nother = "1.2.3"\n'
    found = problem(bumped, text, known=[known(PYPROJECT, 2, IN_PROJECT)], path=PYPROJECT)
    assert ("cannot be changed alone" in found.message, found.line) == (True, 2)
    split = '__version__ = "1." "2.3"\n'
    found = problem(bumped, split, known=[known("a.py", 1, "__version__")], path="a.py")
    assert "cannot be changed alone" in found.message


def test_another_spelling_by_pep_440_is_the_same_version() -> None:
    text = '__version__ = "1.3.0-rc1"  # not 1.3.0rc10\n'
    place = known("a.py", 1, "__version__", "1.3.0-rc1")
    for entries in ([], [listed("a.py")]):
        changed = bumped(
            text, *entries, known=[place], path="a.py", previous="1.3.0rc1", version="1.3.0rc2"
        )
        assert changed == '__version__ = "1.3.0rc2"  # not 1.3.0rc10\n'


def test_a_known_place_with_another_version_is_an_error() -> None:
    text = '\n__version__ = "1.2.2"\n'
    found = problem(bumped, text, known=[known("a.py", 2, "__version__", "1.2.2")], path="a.py")
    assert (found.message, found.line) == ("__version__ is 1.2.2, not 1.2.3", 2)
    own = listed(PYPROJECT, key_path="tool.bumpversion.current_version")
    text = '[tool.bumpversion]\ncurrent_version = "1.2.2"\n'
    assert "is 1.2.2, not 1.2.3" in problem(bumped, text, own, path=PYPROJECT).message


@pytest.mark.parametrize(
    "text",
    [
        '"""1.2.3"""\n__version__ = "1.2.3"  # 1.2.3\nx = "1.2.3"\n',
        "\f__version__: str = u'1.2.3'\r\nVERSION = '1.2.3'\r",
        'é = "é"; a = __version__ = """1.2.3"""',
        'class A:\n    __version__ = "1.2.3"\n__version__ = (\n    # it is\n    "1.2.3"\n)\n',
    ],
)
def test_the_assigned_literal_alone_is_changed_in_python(text: str) -> None:
    changed = bumped(text, known=[known("a.py", 1, "__version__")], path="a.py")
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    exec(text, before)  # noqa: S102
    exec(changed, after)  # noqa: S102
    assert (before.pop("__version__"), after.pop("__version__")) == (OLD, NEW)
    assert changed.count(NEW) == 1
    assert changed.replace(NEW, OLD) == text
    assert before.get("x") == after.get("x")


def test_setup_py_and_setup_cfg_are_edited() -> None:
    text = 'from setuptools import setup\nsetup(name="x", version="1.2.3", requires=["1.2.3"])\n'
    place = known("setup.py", 2, "setup(version=...)")
    assert bumped(text, known=[place], path="setup.py") == text.replace(OLD, NEW, 1)
    text = "[metadata]\r\nminversion = 1.2.3\r\nVersion: 1.2.3\r\n[options]\r\nversion = 1.2.3\r\n"
    changed = bumped(text, known=[known("setup.cfg", 3, "[metadata] version")], path="setup.cfg")
    assert changed == text.replace("Version: 1.2.3", "Version: 1.3.0")


@pytest.mark.parametrize("text", ["1.2.3", "1.2.3\n", "\ufeff\n 1.2.3 \r\n"])
def test_a_file_that_is_nothing_but_the_version_is_edited(text: str) -> None:
    place = known("VERSION", 1, "the whole file")
    assert bumped(text, listed("VERSION"), known=[place], path="VERSION") == text.replace(OLD, NEW)


@pytest.mark.parametrize(
    ("path", "label", "text"),
    [
        (PYPROJECT, IN_PROJECT, '[project]\nversion = "1.2.3\n'),
        ("a.py", "__version__", '__version__ = "1.2.3\n'),
        ("a.py", "__version__", '__version__ = "1.2.3"\0'),
        ("setup.cfg", "[metadata] version", "version = 1.2.3\n"),
        (PYPROJECT, IN_PROJECT, "x = " + "[" * 100_000),
    ],
)
def test_a_file_that_does_not_parse_is_an_error(path: str, label: str, text: str) -> None:
    found = problem(bumped, text, known=[known(path, 1, label)], path=path)
    assert found.path == path


def test_a_key_path_names_the_value_that_is_changed() -> None:
    text = '[tool.x]\nimage = "1.2.3"\nother = "1.2.3"\n'
    place = listed("a.toml", key_path="tool.x.image")
    assert bumped(text, place, path="a.toml") == text.replace(OLD, NEW, 1)
    missing = listed("a.toml", key_path="tool.y")
    assert "has no string at tool.y" in problem(bumped, text, missing, path="a.toml").message
    allowed = listed("a.toml", key_path="tool.y", ignore_missing_version=True)
    assert bumped(text, allowed, path="a.toml") == text


# Properties

NUMBER = st.integers(0, 30)
VERSION = st.builds(
    lambda numbers, suffix: ".".join(map(str, numbers)) + suffix,
    st.tuples(NUMBER, NUMBER, NUMBER),
    st.sampled_from(["", "", "rc1", "a2", ".post1", ".dev3"]),
)
END = st.sampled_from(["\n", "\r\n", "\n\n", "\r"])
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12).filter(
    lambda text: not any(character.isdigit() for character in text)
)
DECOY_SHAPES = [
    "1{}", "{}0", "0.{}", "{}.4", "{}rc7", "{}+x", "cff-version: {}", "{}-1", "min_version: {}",
]  # fmt: skip


@st.composite
def documents(draw: st.DrawFn, version: str, declared: str) -> list[str]:
    """Lines around a declared one, the second of three parts: before, itself, and after."""

    def lines() -> str:
        shapes = draw(st.lists(st.one_of(st.sampled_from(DECOY_SHAPES), WORDS), max_size=5))
        return "".join(shape.replace("{}", version) + draw(END) for shape in shapes)

    mark = draw(st.sampled_from(["", "\ufeff"]))
    return [mark + lines(), declared, draw(END) + lines().rstrip("\n" * draw(st.integers(0, 1)))]


@settings(max_examples=60, deadline=None)
@given(st.data(), VERSION, VERSION)
def test_only_the_declared_span_changes_and_changes_back(
    data: st.DataObject, old: str, new: str
) -> None:
    before, declared, after = data.draw(documents(old, "version: {}"))
    assume(new not in before + after)
    assume(old not in new)
    place = listed(search="version: {current_version}", replace="version: {new_version}")
    text = before + declared.format(old) + after
    changed = bumped(text, place, previous=old, version=new)
    assert changed == before + declared.format(new) + after
    assert bumped(changed, place, previous=new, version=old) == text


@settings(max_examples=60, deadline=None)
@given(st.data(), VERSION, VERSION)
def test_in_pyproject_one_value_changes_and_the_rest_parses_equal(
    data: st.DataObject, old: str, new: str
) -> None:
    decoys = data.draw(
        st.lists(
            st.sampled_from(
                [
                    'description = "{}"',
                    "dependencies = [\"x=={}\", 'y>={}']",
                    'versions = "{}"',
                    '# version = "{}"',
                    "numbers = [1.0, nan]",
                    'readme = """\nversion = "{}"\n"""',
                    "urls = {{ version = '{}' }}",
                ]
            ),
            unique=True,
        )
    )
    spot = data.draw(st.integers(0, len(decoys)))
    version = data.draw(
        st.sampled_from(['version = "{}"', "'version'='{}'#{}", 'version="""{}"""'])
    )
    lines = ["[project]", *decoys[:spot], version, *decoys[spot:], "[tool.x]", 'version = "{}"', ""]
    text = (
        data.draw(st.sampled_from(["\n", "\r\n"])).join(lines).replace("{{", "{").replace("}}", "}")
    )
    text = text.replace("{}", old)
    line = text[: text.index(version.replace("{}", old))].count("\n") + 1

    def edited(source: str, value: str, target: str) -> str:
        place = known(PYPROJECT, line, IN_PROJECT, value)
        return bumped(source, known=[place], path=PYPROJECT, previous=value, version=target)

    changed = edited(text, old, new)
    parsed, again = (tomllib.loads(t, parse_float=lambda n: ("f", n)) for t in (text, changed))
    assert again["project"].pop("version") == new
    assert parsed["project"].pop("version") == old
    assert parsed == again
    assert edited(changed, new, old) == text


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")  # of sets in regular expressions
@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=60),
    st.text(st.sampled_from("{}current_versionw:.()[]*\\1?|^$ "), max_size=30),
    st.text(st.sampled_from("{}new_version\\g<1>:%Y "), max_size=20),
    st.booleans(),
)
def test_whatever_a_table_says_ends_in_text_or_in_problems(
    text: str, search: str, replace: str, regex: bool
) -> None:
    entry = {"filename": "f", "search": search, "replace": replace, "regex": regex}
    try:
        found = listed_places({"files": [entry]}, (), {})
        result = bumped(f"{text} 1.2.3", *found)
    except ConfigurationError:
        return
    assert result.startswith(text) or found[0].search != SEARCH


# Other lines


def mentions(*lines: str, path: str = "docs/a.md", **details: Any) -> list[int | None]:
    numbered = [(path, number, line) for number, line in enumerate(lines, 1)]
    return [found.line for found in other_mentions(numbered, OLD, **details)]


def test_a_line_that_still_holds_the_version_is_mentioned() -> None:
    lines = [("a.py", 2, "11.2.30"), ("b.py", 3, 'X = "1.2.3"')]
    found = other_mentions(lines, OLD)
    assert [(item.path, item.line) for item in found] == [("b.py", 3)]


def test_documents_have_room_beside_code() -> None:
    lines = [(f"{n}.py", 1, 'version = "1.2.3"') for n in range(30)]
    lines += [("README.md", 1, "The current release is 1.2.3."), ("z.md", 4, "since 1.2.3")]
    found = list(remarks(other_mentions([*lines, ("a.json", 1, '["1.2.3"]')], OLD), OLD))
    assert [one.path for one in found[-2:]] == ["README.md", None]
    assert found[-1].message.startswith("1.2.3 is in 12 other lines")
    assert ": z.md, " in found[-1].message


def test_a_file_that_is_edited_elsewhere_needs_a_search() -> None:
    found = other_mentions([("a.py", 1, 'version = "1.2.3"')], OLD)
    (one,) = remarks(found, OLD, {"a.py"})
    assert "and a search for that line" in str(one.remedy)


RANKED = {
    "deploy/Info.plist": ("<string>1.2.3</string>", Rank.CODE),
    "charts/thing/Chart.yaml": ('appVersion: "1.2.3"', Rank.CODE),
    ".github/workflows/build.yml": ('        default: "1.2.3"', Rank.CODE),
    "src/thing/cli/version.py": ('VERSION = "1.2.3"', Rank.CODE),
    "docs/conf.py": ("release = '1.2.3'", Rank.CODE),
    "Dockerfile": ('LABEL org.opencontainers.image.version="1.2.3"', Rank.CODE),
    "deploy/compose.yml": ("    image: x/small-thing:1.2.3", Rank.CODE),
    "package.json": ('{"name": "thing-ui", "version": "1.2.3"}', Rank.CODE),
    "charts/thing/values.yaml": ("  tag: 1.2.3", Rank.CODE),
    "charts/thing/values-prod.yaml": ('  tag: "v1.2.3"', Rank.CODE),
    "codemeta.json": ('"softwareVersion": "1.2.3",', Rank.CODE),
    "build.gradle": ('versionName "1.2.3"; SMALL_THING_VERSION = "1.2.3"', Rank.CODE),
    "docs/install.md": ("pip install small-thing==1.2.3", Rank.DOCS),
    "SECURITY.md": ("The latest release, 1.2.3, gets fixes.", Rank.DOCS),
    "README.md": ("**Version:** `1.2.3`", Rank.DOCS),
    "docs/use.rst": (".. versionadded:: 1.2.3", Rank.REST),
    "docs/about.html": ("Since 1.2.3 there is more", Rank.REST),
    "data/a.json": ('{"x": "1.2.3"}', Rank.REST),
    "data/b.csv": ("row,1.2.3", Rank.REST),
    "examples/demo.py": ('print("1.2.3")', Rank.REST),
    "deploy/app.yaml": ("tag: 1.2.3", Rank.REST),
    "ui/pnpm.json": ('"lockfileVersion": "1.2.3"', Rank.REST),
    ".github/workflows/test.yml": ("          node-version: 1.2.3", Rank.REST),
    "scripts/run.sh": ("UV_VERSION=1.2.3", Rank.REST),
}


def test_what_states_the_version_comes_before_what_tells_of_it_and_that_before_the_rest() -> None:
    lines = [(path, 1, text) for path, (text, _) in RANKED.items()]
    found = other_mentions(reversed(lines), OLD, name="small-thing")
    assert {one.path: one.rank for one in found} == {
        path: rank for path, (_, rank) in RANKED.items()
    }
    assert [one.rank for one in found] == sorted(rank for _, rank in RANKED.values())


def test_a_file_has_one_remark_and_the_rest_is_one_counted_line() -> None:
    lines = [("Chart.yaml", n, "version: 1.2.3") for n in (3, 4)]
    lines += [("data.csv", n, "1.2.3") for n in range(1, 91)] + [("x.json", 1, '"1.2.3"')]
    first, last = remarks(other_mentions(lines, OLD), OLD)
    assert (first.path, first.line) == ("Chart.yaml", 3)
    assert first.message == (
        "still holds 1.2.3 (also on line 4), and is not listed in [tool.bumpversion]"
    )
    assert 'filename = "Chart.yaml", and "Chart.yaml" = 2 to' in str(first.remedy)
    assert (
        last.message == "1.2.3 is in 91 other lines that may mean something else: data.csv, x.json"
    )
    many = [(f"{n}.py", 1, 'version = "1.2.3"') for n in range(30)]
    assert len(list(remarks(other_mentions(many, OLD), OLD))) == 21


@pytest.mark.parametrize(
    "line",
    [
        "thing v1.2.3 is out", 'version = "1.2.3"', "version: 1.2.3", '"version": "1.2.3",',
        'assert thing.__version__ == "1.2.3"', "release = '1.2.3'", "badge/version-1.2.3-blue",
        "thing-1.2.3.tar.gz", "VERSION=1.2.3", 'set(VERSION "1.2.3")',
    ],
)  # fmt: skip
def test_what_may_state_the_project_s_version_is_a_finding(line: str) -> None:
    assert mentions(line) == [1]


@pytest.mark.parametrize(
    "line",
    [
        "other==1.2.3", 'x = ["other >= 1.2.3"]', 'other = "^1.2.3"', 'other = "~1.2.3"',
        "other!=1.2.3", "uses: actions/x@v1.2.3", "image: other:1.2.3", "FROM other:1.2.3",
        "cff-version: 1.2.3",
        'minversion = "1.2.3"', 'target-version = "1.2.3"', 'python_version == "1.2.3"',
        "requires-python = '>=1.2.3'", "1.2.3rc1",
    ],
)  # fmt: skip
def test_what_belongs_to_something_else_is_no_finding(line: str) -> None:
    assert mentions(line) == []


def test_a_pin_of_the_project_itself_is_a_finding() -> None:
    lines = ["pip install small_thing==1.2.3", "image: x/small-thing:1.2.3", "other==1.2.3"]
    assert mentions(*lines, name="Small.Thing") == [1, 2]


@pytest.mark.parametrize(
    "path",
    ["CHANGELOG.md", "docs/changelog.rst", "HISTORY", "newsfragments/1.md", "docs/releases/1.md",
     "uv.lock", "poetry.lock", "package-lock.json", "requirements-dev.txt",
     ".pre-commit-config.yaml"],
)  # fmt: skip
def test_histories_and_locks_are_left_out(path: str) -> None:
    assert mentions('version = "1.2.3"', "rev: v1.2.3", path=path) == []


def test_a_lock_s_line_that_names_the_project_is_a_finding() -> None:
    lines = ["other==1.2.3", "small-thing==1.2.3"]
    assert mentions(*lines, path="requirements.txt", name="small-thing") == [2]


def test_a_dependency_in_a_table_is_no_finding() -> None:
    lines = ['other = "1.2.3"', 'other = { version = "1.2.3" }', 'version = "1.2.3"']
    assert mentions(*lines, path=PYPROJECT) == [3]
    assert mentions(*lines, path="docs/b.toml", skipped={"docs/b.toml"}) == []


def test_addresses_dates_and_short_numbers_need_more_than_likeness() -> None:
    def holds(line: str, version: str) -> bool:
        return bool(list(other_mentions([("a.md", 1, line)], version)))

    assert not holds("http://1.2.3.4/", "1.2.3.4")
    assert not holds("1.2.3.4:80", "1.2.3.4")
    assert not holds("host = '1.2.3.4'", "1.2.3.4")
    assert holds("thing 1.2.3.4", "1.2.3.4")
    assert not holds("released on 2026.11.21", "2026.11.21")
    assert holds("thing 2026.11.21", "2026.11.21")
    assert not holds("takes 1.2 s", "1.2")
    assert holds("version 1.2", "1.2")


# The tool itself

PROJECT_TABLE = """\
[project]
name = "thing"
version = "1.2.3"
dependencies = ["other==1.2.3"] # stays

[tool.bumpversion]
current_version = "1.2.3"
ignore_missing_files = true

[[tool.bumpversion.files]]
filename = "src/thing/__init__.py"
search = '__version__ = "{current_version}"'
replace = '__version__ = "{new_version}"'

[[tool.bumpversion.files]]
filename = "./README.md"
search = "thing@v{current_version}"
replace = "thing@v{new_version}"

[[tool.bumpversion.files]]
filename = "README.md"

[[tool.bumpversion.files]]
glob = "docs/**/*.md|*.txt"
glob_exclude = ["docs/old/*"]
search = "Version {current_version}"
replace = "Version {new_version}"

[[tool.bumpversion.files]]
filename = "CITATION.cff"
regex = true
search = "^version: {current_version}$"
replace = "version: {new_version}"

[[tool.bumpversion.files]]
filename = "version.h"
search = '''
#define MAJOR {current_major}
#define MINOR {current_minor}
'''
replace = '''
#define MAJOR {new_major}
#define MINOR {new_minor}
'''

[[tool.bumpversion.files]]
filename = "conf.py"
serialize = ["{major}.{minor}"]
regex = true
search = '''(release|short) = (["']){current_version}\\2'''
replace = '''\\1 = \\g<2>{new_version}\\2'''

[[tool.bumpversion.files]]
filename = "news.in"
search = "{{unreleased}}\\n"
replace = "{{unreleased}}\\n\\n{new_version}, after {current_version}\\n"

[[tool.bumpversion.files]]
filename = "missing.txt"

[[tool.bumpversion.files]]
filename = "silent.py"
ignore_missing_version = true
"""

# Each file before, and as bump-my-version 1.8.1 left it.
FILES = {
    PYPROJECT: (
        PROJECT_TABLE,
        PROJECT_TABLE.replace('version = "1.2.3"', 'version = "1.3.0"'),
    ),
    "src/thing/__init__.py": (
        '"""Since 1.2.3."""\n\n__version__ = "1.2.3"  # 1.2.3\n',
        '"""Since 1.2.3."""\n\n__version__ = "1.3.0"  # 1.2.3\n',
    ),
    "README.md": (
        "# Thing\r\n\r\n- uses: thing@v1.2.3\r\n- now 1.2.3, not 1.2.4\r\n",
        "# Thing\r\n\r\n- uses: thing@v1.3.0\r\n- now 1.3.0, not 1.2.4\r\n",
    ),
    "docs/index.md": ("Version 1.2.3", "Version 1.3.0"),
    "docs/a/b.md": ("# Title\n\nVersion 1.2.3 of it\n", "# Title\n\nVersion 1.3.0 of it\n"),
    "docs/old/c.md": ("Version 1.2.3\n", "Version 1.2.3\n"),
    "docs/.hidden/d.md": ("Version 1.2.3\n", "Version 1.2.3\n"),
    "notes.txt": ("Version 1.2.3\n", "Version 1.3.0\n"),
    "CITATION.cff": (
        "cff-version: 1.2.0\nversion: 1.2.3\nreferences:\n  - version: 1.2.3\n",
        "cff-version: 1.2.0\nversion: 1.3.0\nreferences:\n  - version: 1.2.3\n",
    ),
    "version.h": (
        "\n#define MAJOR 1\n#define MINOR 2\n#define PATCH 3\n",
        "\n#define MAJOR 1\n#define MINOR 3\n#define PATCH 3\n",
    ),
    "conf.py": ("short = '1.2'\n", "short = '1.3'\n"),
    "news.in": (
        "{unreleased}\n\nnothing\n",
        "{unreleased}\n\n1.3.0, after 1.2.3\n\nnothing\n",
    ),
    "silent.py": ("pass\n", "pass\n"),
}


def test_a_whole_project_becomes_what_bump_my_version_made_of_it() -> None:
    source = FILES[PYPROJECT][0]
    found = listed_places(tomllib.loads(source)["tool"]["bumpversion"], tuple(FILES), {}, source)
    stated = [
        known(PYPROJECT, 3, IN_PROJECT),
        known(PYPROJECT, 7, IN_TABLE),
        known("src/thing/__init__.py", 3, "__version__"),
    ]
    assert {place.path for place in found} - set(FILES) == {"missing.txt"}
    texts = {path: before for path, (before, _) in FILES.items() if path != "CITATION.cff"}
    there = [place for place in found if place.path in texts]
    changed = edit_places(texts, there, stated, Change(OLD, NEW, DAY), edit)
    for path, before in texts.items():
        assert changed.get(path, before) == FILES[path][1], path


@pytest.mark.slow
def test_bump_my_version_still_makes_that_of_it(tmp_path: Path) -> None:
    for path, (before, _) in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(before.encode())
    command = [
        sys.executable,
        "-m",
        "bumpversion",
        "bump",
        "--new-version",
        NEW,
        "--no-commit",
        "--no-tag",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for path, (_, after) in FILES.items():
        assert (tmp_path / path).read_bytes().decode() == after, path


def test_the_places_that_the_project_reader_finds_can_be_edited(tmp_path: Path) -> None:
    root = make_project(
        tmp_path / "small-thing",
        {"setup.cfg": "[metadata]\nversion = file: VERSION\n", "VERSION": "1.2.3\n"},
    )
    project = read_project(root)
    assert len(project.version_places) == 3
    texts = {p.path: (root / p.path).read_bytes().decode() for p in project.version_places}
    changed = edit_places(texts, (), project.version_places, Change(OLD, NEW, DAY), edit)
    assert changed == {path: text.replace(OLD, NEW) for path, text in texts.items()}
