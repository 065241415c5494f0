"""What a release may not lose silently."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from release.gates.build.distribution import Archive, read
from release.gates.ratchet.losses import (
    Found,
    Loss,
    best_match,
    compare_api,
    compare_contents,
    compare_files,
    compare_metadata,
    compare_provenance,
    compare_python,
    compare_size,
    entry_points,
    judge,
    kind_of,
    may_break,
    previous_release,
    wheel_files,
)
from release.gates.ratchet.settings import Loss as Accepted
from release.model import Judgement, Level
from release.world.index import ServedFile
from tests.archives import make_wheel

PURE = "small_thing-1.0-py3-none-any.whl"
SDIST = "small_thing-1.0.tar.gz"
LINUX = "small_thing-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
MAC = "small_thing-1.0-cp311-cp311-macosx_11_0_arm64.whl"


def served(*versions: str, yanked: bool = False) -> tuple[ServedFile, ...]:
    return tuple(
        ServedFile(f"small_thing-{v}.tar.gz", v, f"http://i/{v}", yanked=yanked) for v in versions
    )


def losses_of(found: Iterable[Found]) -> list[Loss]:
    return [one for one in found if isinstance(one, Loss)]


def lost(found: Iterable[Found]) -> list[str]:
    return [loss.what for loss in losses_of(found)]


def told(found: Iterable[Found]) -> list[str]:
    return [one for one in found if isinstance(one, str)]


# --- the previous release -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("versions", "version", "expected"),
    [
        (["1.2.3", "1.2.4", "2.0"], "1.2.5", "1.2.4"),
        (["1.2.3", "1.2.4", "2.0"], "2.1", "2.0"),
        (["1.2.3", "2.0rc1"], "2.0", "1.2.3"),
        (["1.2.3", "1.2.3.dev4", "nonsense", ""], "1.3", "1.2.3"),
        (["1.2.3"], "1.2.3.post1", "1.2.3"),
        (["1.2.3+local", "1.2.2"], "1.3", "1.2.2"),
        (["1.2.3"], "1.2.3", None),
        ([], "1.0", None),
    ],
)
def test_the_previous_release_is_the_highest_final_one_below(
    versions: list[str], version: str, expected: str | None
) -> None:
    found = previous_release(served(*versions), Version(version))
    assert found == (Version(expected) if expected else None)


def test_a_yanked_release_is_previous_only_without_another_one() -> None:
    yanked = served("1.2.4", yanked=True)
    assert previous_release((*served("1.2.3"), *yanked), Version("1.3")) == Version("1.2.3")
    assert previous_release(yanked, Version("1.3")) == Version("1.2.4")


@pytest.mark.parametrize(
    ("previous", "version", "level", "breaks"),
    [
        ("1.2.3", "1.2.4", Level.PATCH, False),
        ("1.2.3", "1.3.0rc1", Level.MINOR, False),
        ("1.2.3", "2.0.0rc1", Level.MAJOR, True),
        ("1.2.3", "2.0", Level.MAJOR, True),
        ("0.2.3", "0.3.0", Level.MINOR, True),
        ("0.2.3", "0.2.4", Level.PATCH, False),
        ("0.9", "1.0", Level.MAJOR, True),
    ],
)
def test_the_version_number_says_whether_callers_may_break(
    previous: str, version: str, level: Level, breaks: bool
) -> None:
    assert kind_of(Version(previous), Version(version)) is level
    assert may_break(Version(previous), Version(version)) is breaks


# --- files ----------------------------------------------------------------------------------------


def test_the_same_kinds_of_files_lose_nothing() -> None:
    assert list(compare_files([PURE, SDIST], [PURE, SDIST])) == []


def test_a_missing_kind_of_file_is_a_loss() -> None:
    assert lost(compare_files([PURE, SDIST], [PURE])) == ["kind sdist"]
    assert lost(compare_files([PURE, SDIST], [SDIST])) == ["kind wheel"]


def test_a_zip_is_an_sdist_as_well() -> None:
    assert lost(compare_files(["small_thing-1.0.zip"], [SDIST])) == []


def test_a_python_tag_that_is_gone_is_a_loss() -> None:
    found = compare_files([PURE.replace("py3", "py2.py3")], [PURE])
    assert lost(found) == ["Python tag py2"]


def test_a_wheel_for_one_platform_instead_of_all_is_a_loss() -> None:
    assert lost(compare_files([PURE], [LINUX])) == ["platform any"]


def test_a_wheel_for_all_beside_others_is_told_where_one_for_this_platform_is_made() -> None:
    (said,) = compare_files([PURE, LINUX, MAC], [LINUX])
    assert "any, macosx arm64" in str(said)
    assert told(compare_files([PURE, LINUX], [PURE]))


def test_wheels_that_are_made_on_other_platforms_are_told() -> None:
    (said,) = compare_files([LINUX, MAC], [LINUX])
    assert isinstance(said, str)
    assert "macosx arm64" in said


def test_names_that_are_no_wheels_are_passed_over() -> None:
    assert best_match(["small-thing.whl", "x.exe"], PURE) is None


def test_a_wheel_is_compared_with_the_nearest_one() -> None:
    newer = LINUX.replace("cp311", "cp312")
    assert best_match([LINUX, MAC, PURE], LINUX) == LINUX
    assert best_match([MAC, LINUX], newer) == LINUX
    assert best_match([LINUX, PURE], PURE) == PURE
    assert best_match([LINUX], PURE) == LINUX


# --- contents -------------------------------------------------------------------------------------


def contents(
    tmp_path: Path,
    old: dict[str, bytes | str | None],
    new: dict[str, bytes | str | None],
) -> list[Found]:
    pair = (
        read(make_wheel(tmp_path / "old", "1.2.2", old)),
        read(make_wheel(tmp_path / "new", "1.2.3", new)),
    )
    return list(compare_contents(*pair))


def test_modules_data_and_licences_that_are_gone_are_losses(tmp_path: Path) -> None:
    old: dict[str, bytes | str | None] = {
        "small_thing/more.py": "",
        "small_thing/py.typed": "",
        "small_thing/data/a.json": "",
        "{info}/licenses/LICENSE": "",
        "small_thing-1.2.2.data/scripts/run": "",
    }
    found = contents(tmp_path, old, {})
    assert lost(found) == [
        "file scripts/run",
        "file small_thing/data/a.json",
        "file small_thing/py.typed",
        "licence file LICENSE",
        "module small_thing.more",
    ]
    assert [loss.breaks for loss in losses_of(found)] == [False, False, False, False, True]


def test_a_licence_under_another_suffix_is_no_loss_and_another_one_is_none_of_it(
    tmp_path: Path,
) -> None:
    old: dict[str, bytes | str | None] = {"{info}/licenses/LICENSE.rst": ""}
    for name in ("LICENSE.txt", "License"):
        (tmp_path / name).mkdir()
        assert contents(tmp_path / name, old, {f"{{info}}/licenses/{name}": ""}) == []
    found = contents(tmp_path, old, {"{info}/licenses/NOTICE.txt": ""})
    assert lost(found) == ["licence file LICENSE.rst"]


def test_what_stays_under_another_form_is_no_loss(tmp_path: Path) -> None:
    found = contents(
        tmp_path,
        {
            "small_thing/more.py": "",
            "small_thing/fast.cpython-311-x86_64-linux-gnu.so": b"",
            "small_thing/static/1.2.2/page.html": "",
            "small_thing/static/index-BxZ1a9Qd.js": "",
            "small_thing/static/jquery-3.6.0.min.js": "",
            "small_thing-1.2.2.data/purelib/extra.py": "",
            "{info}/LICENSE": "",
        },
        {
            "small_thing/more/__init__.py": "",
            "small_thing/fast.abi3.so": b"",
            "small_thing/static/1.2.3/page.html": "",
            "small_thing/static/index-9Zk_Q2ab.js": "",
            "small_thing/static/jquery-3.7.1.min.js": "",
            "extra.py": "",
            "{info}/licenses/LICENSE": "",
        },
    )
    assert found == []


def test_one_new_asset_does_not_stand_for_two_old_ones(tmp_path: Path) -> None:
    old: dict[str, bytes | str | None] = {
        "small_thing/a-1.0.js": "",
        "small_thing/a-1.1.js": "",
        "small_thing/schema/1.0.json": "",
    }
    found = contents(tmp_path, old, {"small_thing/a-1.2.js": "", "small_thing/schema/1.1.json": ""})
    assert lost(found) == ["file small_thing/a-1.1.js", "file small_thing/schema/1.0.json"]


def test_a_package_that_is_gone_is_one_loss(tmp_path: Path) -> None:
    old: dict[str, bytes | str | None] = {
        "small_thing/sub/__init__.py": "",
        "small_thing/sub/one.py": "",
        "small_thing/sub/deep/two.py": "",
    }
    assert lost(contents(tmp_path, old, {})) == ["module small_thing.sub"]


def test_internal_files_are_told(tmp_path: Path) -> None:
    found = contents(
        tmp_path, {"small_thing/_old.py": "", "small_thing/tests/test_a.py": "", "tests/x": ""}, {}
    )
    assert lost(found) == []
    assert "small_thing/_old.py" in told(found)[0]


def test_what_only_looks_internal_is_a_loss(tmp_path: Path) -> None:
    old: dict[str, bytes | str | None] = {
        "small_thing/_static/app.js": "",
        "small_thing/docs/help.html": "",
        "small_thing/_speedups.abi3.so": b"",
        "small_thing/testing/__init__.py": "",
        "small_thing/latest/one.json": "",
    }
    found = contents(tmp_path, old, {})
    assert lost(found) == [
        "file small_thing/_static/app.js",
        "file small_thing/docs/help.html",
        "file small_thing/latest/one.json",
        "module small_thing._speedups",
        "module small_thing.testing",
    ]
    assert told(found) == []


def test_modules_that_are_internal_by_their_names_are_told(tmp_path: Path) -> None:
    old: dict[str, bytes | str | None] = {
        "small_thing/_impl/deep/a.py": "",
        "small_thing/_old.pyi": "",
        "small_thing/docs/conf.py": "",
        "small_thing/conftest.py": "",
        "small_thing/a_test.py": "",
        "small_thing/tests/data/x.json": "",
        "examples/one.py": "",
    }
    found = contents(tmp_path, old, {})
    assert (lost(found), [name for name in old if name not in told(found)[0]]) == ([], [])


def test_a_private_looking_file_with_two_underscores_is_not_internal(tmp_path: Path) -> None:
    old: dict[str, bytes | str | None] = {"small_thing/__main__.py": ""}
    assert lost(contents(tmp_path, old, {})) == ["module small_thing.__main__"]


@given(st.text(st.sampled_from("ab-_.0/9A"), min_size=1, max_size=20))
def test_names_in_a_wheel_are_stable_and_unlike(name: str) -> None:
    from release.gates.build.distribution import Member

    names = (name, f"{name}.json")
    archive = Archive("a-1-py3-none-any.whl", tuple(Member(n, 0, 0, 0, "") for n in names))
    found = wheel_files(archive)
    assert found == wheel_files(archive)
    assert set(found.values()) <= {*names, *(n.partition("/")[2] for n in names)}


# --- metadata -------------------------------------------------------------------------------------


def wheels(tmp_path: Path, old: dict[str, Any], new: dict[str, Any]) -> tuple[Archive, Archive]:
    return (
        read(make_wheel(tmp_path / "old", "1.2.2", **old)),
        read(make_wheel(tmp_path / "new", "1.2.3", **new)),
    )


POINTS = "[console_scripts]\nfoo = small_thing:main\nBar = small_thing:main\n[my.plugins]\nx = y\n"


def test_entry_points_and_extras_that_are_gone_are_losses(tmp_path: Path) -> None:
    pair = wheels(
        tmp_path,
        {
            "files": {"{info}/entry_points.txt": POINTS},
            "metadata": "Provides-Extra: Fast_IO\nProvides-Extra: docs\n",
        },
        {
            "files": {"{info}/entry_points.txt": "[console_scripts]\nBar = other:main\n"},
            "metadata": "Provides-Extra: docs\n",
        },
    )
    assert lost(compare_metadata(*pair)) == [
        "entry point console_scripts:foo",
        "entry point my.plugins:x",
        "extra fast-io",
    ]


FAST = "Provides-Extra: fast\nProvides-Extra: all\n"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("a; extra == 'fast'", "", ["requirements of extra fast"]),
        ("A.b[x]>=1; python_version>'3' and extra=='Fast'", "c", ["requirements of extra fast"]),
        ("a; extra == 'fast'", "b; extra == 'fast'", []),
        ("a; extra == 'fast'", "A>=2", []),  # everybody gets it now
        ("a", "", []),
        (
            "a; extra == 'fast' or extra == 'all'",
            "a; extra == 'all'",
            ["requirements of extra fast"],
        ),
    ],
)
def test_an_extra_that_requires_nothing_any_more_is_odd(
    old: str, new: str, expected: list[str], tmp_path: Path
) -> None:
    texts = [FAST + (f"Requires-Dist: {one}\n" if one else "") for one in (old, new)]
    pair = wheels(tmp_path, *({"metadata": text} for text in texts))
    found = list(compare_metadata(*pair))
    assert lost(found) == expected
    assert all(loss.mild for loss in found)


@pytest.mark.parametrize("path", ["small_thing/data/a.json", "small_thing/a.pyi"])
def test_a_data_file_that_is_empty_is_odd(path: str, tmp_path: Path) -> None:
    files = [{path: "x", "small_thing/py.typed": "", "small_thing/more.py": "x"}]
    files += [{**files[0], path: "", "small_thing/more.py": ""}]
    found = list(compare_contents(*wheels(tmp_path, *({"files": one} for one in files))))
    assert lost(found) == [f"file {path}"]
    assert all(loss.mild for loss in losses_of(found))


def test_entry_points_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    for text in ("no section\n", b"\xff\xfe[x"):
        wheel = read(make_wheel(tmp_path, files={"{info}/entry_points.txt": text}))
        assert entry_points(wheel) == frozenset()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (">=3.9", ">=3.9", []),
        (">=3.9", ">=3.8", []),
        (">=3.9", None, []),
        (">=3.9", ">=3.11", ["Python 3.9", "Python 3.10"]),
        (">=3.9", ">=3.9.2", ["Python 3.9"]),
        (">=3.11", ">=3.11,<3.14", ["Python 3.14 and later"]),
        (">=3.11", ">=3.12,<4", ["Python 3.11", "Python 4.0 and later"]),
        (">=2.7, !=3.0.*", ">=3.1", ["Python 2.7"]),
        ("nonsense", ">=3.12", []),
    ],
)
def test_versions_of_python_that_are_gone_are_losses(
    old: str, new: str | None, expected: list[str]
) -> None:
    assert [loss.what for loss in compare_python(old, new)] == expected


# --- size and provenance --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (100_000, 149_000, []),
        (100_000, 151_000, ["size of the wheel"]),
        (100_000, 49_000, ["size of the wheel"]),
        (5_000, 15_000, []),
        (5_000_000, 9_000_000, ["size of the wheel"]),
    ],
)
def test_a_size_out_of_its_band_is_a_loss(old: int, new: int, expected: list[str]) -> None:
    assert lost(compare_size("wheel", old, new, 50)) == expected


def test_attestations_of_the_previous_files_are_told() -> None:
    attested = ServedFile("a-1.tar.gz", "1", "http://i/a", provenance="http://i/a.provenance")
    assert list(compare_provenance(served("1"))) == []
    (text,) = compare_provenance((*served("1"), attested))
    assert text.startswith("1 of 2 of the previous files have attestations")


# --- the public API -------------------------------------------------------------------------------


def breakage(kind: str, path: str = "pkg.mod.func", detail: str = "") -> dict[str, str]:
    return {"kind": kind, "path": path, "detail": detail}


@pytest.mark.parametrize(
    ("kind", "detail", "expected"),
    [
        ("object_removed", "", "api pkg.mod.func: removed"),
        ("object_changed_kind", "class", "api pkg.mod.func: changed from a class"),
        ("parameter_removed", "x", "api pkg.mod.func(x): parameter removed"),
        ("parameter_moved", "x", "api pkg.mod.func(x): parameter moved"),
        ("parameter_changed_kind", "x", "api pkg.mod.func(x): parameter kind changed"),
        ("parameter_changed_required", "x", "api pkg.mod.func(x): parameter became required"),
        ("parameter_added_required", "x", "api pkg.mod.func(x): required parameter added"),
        ("something_new", "", "api pkg.mod.func: something new"),
    ],
)
def test_what_refuses_calls_is_a_loss(kind: str, detail: str, expected: str) -> None:
    (found,) = losses_of(compare_api([breakage(kind, detail=detail)]))
    assert found.what == expected
    assert found.breaks


@pytest.mark.parametrize(
    "kind",
    [
        "class_removed_base",
        "command_changed",
        "override_removed",
        "parameter_changed_default",
        "perhaps_on_demand",
        "return_changed_type",
    ],
)
def test_what_may_break_nobody_is_told(kind: str) -> None:
    (found,) = compare_api([breakage(kind)])
    assert isinstance(found, str)
    assert "pkg.mod.func: " in found


def test_internal_names_are_no_api() -> None:
    paths = ["pkg._impl.x", "pkg.Class._x", "pkg.tests.test_a"]
    assert lost(compare_api(breakage("object_removed", path) for path in paths)) == []
    public = ["_pkg.Class.__call__", "pkg.testing.x"]
    found = compare_api([breakage("object_removed", path) for path in public])
    assert lost(found) == [f"api {path}: removed" for path in public]


def test_a_module_that_is_gone_is_told_once() -> None:
    known = [Loss("module pkg.mod")]
    assert lost(compare_api([breakage("object_removed", "pkg.mod")], known)) == []
    assert lost(compare_api([breakage("object_removed", "pkg.model")], known))


# --- the judgement --------------------------------------------------------------------------------

LOSSES = [Loss("file a.json"), Loss("api pkg.a: removed", breaks=True, how="since {0}")]


def accept(what: str) -> Accepted:
    return Accepted(what=what, reason="It was never used.")


def test_a_loss_fails_and_says_how_to_acknowledge_it() -> None:
    judged = judge(LOSSES, [], breaking=False, previous="1.2")
    faults = judged.defects
    assert [fault.message for fault in faults] == [
        "file a.json is gone since 1.2",
        "api pkg.a: removed since 1.2",
    ]
    assert faults[0].remedy is not None
    assert 'what = "file a.json"' in faults[0].remedy
    assert judged == Judgement(0, faults)


def test_a_major_release_may_lose_api_and_no_files() -> None:
    judged = judge(LOSSES, [], breaking=True, previous="1.2")
    assert [fault.message for fault in judged.defects] == ["file a.json is gone since 1.2"]
    assert [note.message for note in judged.notes] == [
        "api pkg.a: removed since 1.2, as the version number announces"
    ]


@pytest.mark.parametrize("what", ["file a.json", "file *", "*json"])
def test_an_accepted_loss_is_noted_with_its_reason(what: str) -> None:
    judged = judge(LOSSES[:1], [accept(what)], breaking=False, previous="1.2")
    assert judged.defects == judged.advice == ()
    assert judged.notes[0].message == "file a.json is gone since 1.2; accepted: It was never used."


@pytest.mark.parametrize("what", ["*", "**", " * "])
def test_an_acceptance_of_everything_is_refused(what: str) -> None:
    everything = Accepted.model_construct(what=what, reason="x")
    faults = judge(LOSSES[:1], [everything], breaking=False, previous="1.2").defects
    assert [fault.message for fault in faults] == [
        f"tool.release.gates.ratchet.accept names {what!r}, which takes every loss to come",
        "file a.json is gone since 1.2",
    ]
    assert faults[0].path == "pyproject.toml"


@pytest.mark.parametrize("what", ["file b.json", "file a?json", "file [a-z].json", "ile a.json"])
def test_an_acceptance_of_nothing_is_reported(what: str) -> None:
    judged = judge(LOSSES[:1], [accept(what)], breaking=False, previous="1.2")
    assert len(judged.defects) == 1
    assert [found.message for found in judged.advice] == [
        f"tool.release.gates.ratchet.accept names {what!r}, which is not lost against 1.2"
    ]


def test_a_loss_that_is_seen_twice_is_told_once() -> None:
    assert len(judge([LOSSES[0], LOSSES[0]], [], breaking=False, previous="1.2").defects) == 1


@pytest.mark.parametrize(
    ("what", "line", "silent"),
    [
        ("module pkg.core", "`pkg.core` is removed.", False),
        ("api pkg.a: removed", "Removed the function `a()`.", False),
        ("api pkg.a(b): parameter removed", "`pkg.a` no longer takes `b`.", False),
        ("file pkg/data.json", "data.json is gone.", False),
        ("entry point console_scripts:pkg-old", "Dropped the command pkg-old.", False),
        ("Python 3.8", "Drop Python 3.8.", False),
        ("Python 3.9", "Drop support for Python 3.8 and 3.9.", False),
        ("Python 3.8", "Drop support of 3.80.", True),
        ("Python 3.8", "Drop support of Python 3.80.", True),
        ("Python 3.8", "Drop version 3.8 of the protocol.", True),
        ("module pkg.core", "Removed corelib and pkg.core2.", True),
    ],
)
def test_what_the_changelog_announces_is_not_silent(what: str, line: str, *, silent: bool) -> None:
    judged = judge([Loss(what)], [], breaking=False, previous="1.2", announced=[line])
    assert (len(judged.defects), len(judged.notes)) == (silent, not silent)


def test_losses_of_a_folder_are_one_finding_with_their_number() -> None:
    losses = [Loss(f"file pkg/ui/{number}.js") for number in range(40)]
    judged = judge([*losses, Loss("file pkg/a.json")], [], breaking=False, previous="1.2")
    first, second = judged.defects
    assert first.message.startswith("file pkg/ui/* (40 of them) is gone since 1.2: pkg/ui/0.js, ")
    assert 'what = "file pkg/ui/*"' in str(first.remedy)
    assert second.message == "file pkg/a.json is gone since 1.2"
    accepted = judge(losses, [accept("file pkg/ui/*")], breaking=False, previous="1.2")
    assert accepted.defects == ()


def test_a_version_of_python_that_goes_with_its_classifier_is_not_silent() -> None:
    lost = Loss("Python 3.8", said="like its classifier")
    assert judge([lost], [], breaking=False, previous="1.2").defects == ()


def test_a_size_out_of_its_band_is_advice() -> None:
    losses = list(compare_size("wheel", 100_000, 900_000, 50))
    judged = judge(losses, [], breaking=False, previous="1.2")
    assert (judged.defects, len(judged.advice)) == ((), 1)
