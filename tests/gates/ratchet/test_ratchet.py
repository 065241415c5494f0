"""ratchet: nothing of the previous release is lost silently."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.model import Evidence, Level, Status
from release.registry import installed
from release.run.runner import judge as judge_gate
from release.world.distributions import download
from release.world.index import ServedFile, served_files
from tests.archives import make_sdist, make_wheel, serve, with_broken_tools
from tests.built import build_evidence, judge_built
from tests.local_server import LocalServer, Reply, Request
from tests.support import PYPROJECT, Judge, git, make_project, write

OLD = '''\
"""A small thing."""

__version__ = "1.2.2"


class Thing:
    def size(self, unit="m"):
        return unit


def double(number, times=2):
    return number * times


def _internal():
    return None
'''


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index in a folder that has version 1.2.2 of the project."""
    old = tmp_path / "old"
    files = {"small_thing/__init__.py": OLD, "small_thing/data.json": "{}"}
    serve(tmp_path / "index", make_wheel(old, "1.2.2", files), make_sdist(old, "1.2.2"))
    return tmp_path / "index"


@pytest.fixture
def root(tmp_path: Path, index: Path) -> Path:
    """The small project, of which version 1.2.3 is built and loses nothing."""
    root = make_project(tmp_path / "small-thing")
    set_settings(root, index)
    build(root)
    return root


def set_settings(root: Path, index: Path | str, lines: str = "", version: str = "1.2.3") -> None:
    url = index if isinstance(index, str) else index.as_uri()
    text = PYPROJECT.replace("1.2.3", version)
    write(root, {"pyproject.toml": f'{text}\n[tool.release]\nindex = "{url}"\n{lines}\n'})


def build(
    root: Path,
    source: str = OLD,
    files: dict[str, bytes | str | None] | None = None,
    version: str = "1.2.3",
    metadata: str = "",
) -> None:
    content: dict[str, bytes | str | None] = {
        "small_thing/__init__.py": source.replace("1.2.2", version),
        "small_thing/data.json": "{}",
        **(files or {}),
    }
    dist = root / ".release" / "dist"
    make_wheel(dist, version, content, metadata=metadata)
    make_sdist(dist, version)


def judged(judge: Judge, root: Path) -> Evidence:
    return judge_built(judge, root, "ratchet", fresh=True)


def said(evidence: Evidence) -> list[str]:
    assert evidence.outcome.status is Status.FAILED, evidence.outcome
    assert all(finding.remedy for finding in evidence.outcome.findings)
    return [finding.message for finding in evidence.outcome.blocking]


def test_a_release_that_loses_nothing_passes(judge: Judge, root: Path) -> None:
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED, outcome
    assert outcome.summary == "nothing of 1.2.2 is lost"
    assert outcome.facts["previous"] == "1.2.2"
    assert outcome.findings == ()


# --- losses ---------------------------------------------------------------------------------------


def test_a_data_file_and_a_module_that_are_gone_fail(judge: Judge, root: Path) -> None:
    build(root, files={"small_thing/data.json": None})
    assert said(judged(judge, root)) == ["file small_thing/data.json is gone since 1.2.2"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("def double(number, times=2):", "def triple(number):", "api small_thing.double: removed"),
        ("number, times=2", "number", "api small_thing.double(times): parameter removed"),
        ("times=2", "times", "api small_thing.double(times): parameter became required"),
        (
            "number, times=2",
            "base, number, times=2",
            "api small_thing.double(base): required parameter added",
        ),
        (
            "number, times=2",
            "number, *, times=2",
            "api small_thing.double(times): parameter kind changed",
        ),
        ("class Thing:\n", "class Other:\n", "api small_thing.Thing: removed"),
        ("def size(", "def length(", "api small_thing.Thing.size: removed"),
        (
            'class Thing:\n    def size(self, unit="m"):\n        return unit\n',
            "def Thing():\n    return None\n",
            "api small_thing.Thing: changed from a class",
        ),
    ],
)
def test_a_public_name_or_parameter_that_is_gone_fails(
    judge: Judge, root: Path, before: str, after: str, expected: str
) -> None:
    assert before in OLD
    build(root, OLD.replace(before, after).replace("* times", "* 2"))
    assert f"{expected} since 1.2.2" in said(judged(judge, root))


def test_what_breaks_nobody_passes(judge: Judge, root: Path) -> None:
    source = OLD.replace("_internal", "_other").replace("times=2", "times=3, *, more=None")
    build(root, source)
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED, outcome
    assert [finding.message for finding in outcome.notes] == [
        "the public API also differs: small_thing.double(times): default changed"
    ]


def test_a_narrower_requires_python_fails(judge: Judge, root: Path) -> None:
    build(root, metadata="Requires-Python: >=2.7\n")
    assert said(judged(judge, root))[0].startswith("Python 2.6 is gone since 1.2.2")


def test_entry_points_and_extras_that_are_gone_fail(
    judge: Judge, root: Path, tmp_path: Path
) -> None:
    files: dict[str, bytes | str | None] = {
        "small_thing/__init__.py": OLD,
        "{info}/entry_points.txt": "[console_scripts]\nfoo = small_thing:double\n",
    }
    old = tmp_path / "points"
    wheel = make_wheel(old, "1.2.2", files, metadata="Provides-Extra: fast\n")
    serve(tmp_path / "other", wheel)
    set_settings(root, tmp_path / "other")
    assert said(judged(judge, root)) == [
        "entry point console_scripts:foo is gone since 1.2.2",
        "extra fast is gone since 1.2.2",
    ]


def test_a_size_out_of_its_band_is_advice_unless_the_band_is_wider(
    judge: Judge, root: Path, index: Path
) -> None:
    def odd() -> list[bool]:
        advice = judged(judge, root).outcome.advice
        return [f.message.startswith("size of the wheel is not in its band") for f in advice]

    build(root, files={"small_thing/more.bin": bytes(40_000)})
    assert odd() == [True]
    set_settings(root, index, "gates.ratchet.size-percent = 1000")
    assert odd() == [True]
    build(root, files={"small_thing/more.bin": bytes(10_000)})
    assert odd() == []


def test_a_kind_of_file_and_a_tag_that_are_gone_fail(judge: Judge, root: Path) -> None:
    dist = root / ".release" / "dist"
    (dist / "small_thing-1.2.3.tar.gz").unlink()
    (dist / "small_thing-1.2.3-py3-none-any.whl").rename(
        dist / "small_thing-1.2.3-py311-none-any.whl"
    )
    assert said(judged(judge, root)) == [
        "kind sdist is gone since 1.2.2 (the previous release had small_thing-1.2.2.tar.gz)",
        "Python tag py3 is gone since 1.2.2",
    ]


# --- what is acknowledged -------------------------------------------------------------------------

ACCEPT = 'gates.ratchet.accept = [{ what = "file small_thing/data.json", reason = "Unused." }]'


def test_an_accepted_loss_passes_and_is_told(judge: Judge, root: Path, index: Path) -> None:
    set_settings(root, index, ACCEPT)
    build(root, files={"small_thing/data.json": None})
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED
    assert [finding.message for finding in outcome.notes] == [
        "file small_thing/data.json is gone since 1.2.2; accepted: Unused."
    ]


def test_an_acceptance_of_nothing_is_told(judge: Judge, root: Path, index: Path) -> None:
    set_settings(root, index, ACCEPT)
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED
    assert "which is not lost against 1.2.2" in outcome.findings[0].message


def test_a_major_release_may_lose_api_and_no_data(judge: Judge, root: Path, index: Path) -> None:
    set_settings(root, index, version="2.0.0")
    dist = root / ".release" / "dist"
    for path in dist.iterdir():
        path.unlink()
    build(root, OLD.replace("double", "triple"), version="2.0.0")
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED, outcome
    assert [finding.message for finding in outcome.notes] == [
        "api small_thing.double: removed since 1.2.2, as the version number announces"
    ]
    build(root, files={"small_thing/data.json": None}, version="2.0.0")
    assert said(judged(judge, root)) == ["file small_thing/data.json is gone since 1.2.2"]


def test_a_minor_release_before_1_0_may_lose_api_unless_it_promises_not_to(
    judge: Judge, root: Path, tmp_path: Path
) -> None:
    index = tmp_path / "early"
    old = tmp_path / "early-files"
    serve(index, make_wheel(old, "0.2.0", {"small_thing/__init__.py": OLD}))
    for path in (root / ".release" / "dist").iterdir():
        path.unlink()
    build(root, OLD.replace("def double", "def triple"), version="0.3.0")
    set_settings(root, index, version="0.3.0")
    assert judged(judge, root).outcome.status is Status.PASSED
    set_settings(root, index, "gates.ratchet.compatible-minors = true", version="0.3.0")
    assert said(judged(judge, root)) == ["api small_thing.double: removed since 0.2.0"]


def test_new_api_in_a_patch_release_is_told_and_fails_where_patches_are_frozen(
    judge: Judge, root: Path, index: Path
) -> None:
    new = "def treble(number): ...\n\n\nclass More:\n    def one(self): ...\n\n\ndef _no(): ...\n"
    build(root, f"{OLD}\n\n{new}", {"small_thing/data.json": "{}"})
    text = "a patch release adds to the public API: small_thing.More, small_thing.treble"
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED, outcome
    assert [finding.message for finding in outcome.findings] == [text]
    set_settings(root, index, "gates.ratchet.frozen-patches = true")
    assert said(judged(judge, root)) == [text]


def test_the_level_says_what_is_released(judge: Judge, root: Path) -> None:
    build(root, OLD.replace("double", "triple"))

    def status(level: Level) -> Status:
        run = judge.run(root, level, fresh=True)
        return judge_gate(
            run, installed()["ratchet"].gate, {"build": build_evidence(run)}
        ).outcome.status

    assert status(Level.MINOR) is Status.FAILED
    assert status(Level.MAJOR) is Status.PASSED


def test_a_maintenance_release_is_compared_with_its_own_line(
    judge: Judge, root: Path, index: Path, tmp_path: Path
) -> None:
    serve(index, make_wheel(tmp_path / "next", "2.0", {"small_thing/new.py": ""}))
    assert judged(judge, root).outcome.summary == "nothing of 1.2.2 is lost"


# --- what does not apply, and what cannot be had --------------------------------------------------


def test_a_first_release_has_nothing_to_lose(judge: Judge, root: Path, index: Path) -> None:
    (index / "small-thing" / "index.html").unlink()
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.NOT_APPLICABLE
    assert "no final release of small-thing below 1.2.3" in outcome.summary


def test_without_publishing_it_does_not_apply(judge: Judge, root: Path, index: Path) -> None:
    set_settings(root, index, "publish = false")
    assert judged(judge, root).outcome.status is Status.NOT_APPLICABLE


def test_an_index_that_cannot_be_asked_leaves_it_unchecked(judge: Judge, root: Path) -> None:
    set_settings(root, "http://127.0.0.1:9/simple/")
    assert judged(judge, root).outcome.status is Status.UNCHECKED


# --- without the index: what was kept of the last release -----------------------------------------


def keep(root: Path, version: str, *, tagged: bool = True) -> None:
    """Files of a release as `build` keeps them, one of which the new release does not have."""
    folder = root / ".release" / "released" / version
    files = {"small_thing/__init__.py": OLD, "small_thing/kept.json": "{}"}
    make_wheel(folder, version, files)
    make_sdist(folder, version)
    if tagged:
        git(root, "tag", "--annotate", "--message", "x", f"v{version}")


@pytest.mark.parametrize(
    ("settings", "remark"),
    [
        ("publish = false", "compared with the files that were kept of it here"),
        ("", "the package index cannot be asked"),
    ],
)
def test_the_files_of_the_last_release_that_were_kept_are_compared_with(
    judge: Judge, root: Path, settings: str, remark: str
) -> None:
    set_settings(root, "http://127.0.0.1:9/simple/", settings)
    keep(root, "1.2.2")
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.FAILED, outcome
    assert outcome.findings[0].message == "file small_thing/kept.json is gone since 1.2.2"
    build(root, files={"small_thing/kept.json": "{}"})
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED, outcome
    assert remark in outcome.notes[0].message


def test_a_release_that_the_index_does_not_have_is_compared_with_what_was_kept(
    judge: Judge, root: Path, index: Path
) -> None:
    set_settings(root, index, version="1.2.4")
    for path in (root / ".release" / "dist").iterdir():
        path.unlink()
    build(root, version="1.2.4")
    keep(root, "1.2.3")
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.FAILED, outcome
    assert outcome.findings[0].message == "file small_thing/kept.json is gone since 1.2.3"


@pytest.mark.parametrize("tag", ["v1.2.2", None])
def test_what_was_kept_of_another_release_than_the_last_one_does_not_count(
    judge: Judge, root: Path, tag: str | None
) -> None:
    set_settings(root, "http://127.0.0.1:9/simple/")
    keep(root, "1.2.1", tagged=tag is not None)
    if tag:
        git(root, "tag", "--annotate", "--message", "x", tag)
    assert judged(judge, root).outcome.status is Status.UNCHECKED


def test_a_download_with_other_bytes_leaves_it_unchecked(
    judge: Judge, root: Path, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path / "bad", "1.2.2")
    serve(tmp_path / "other", wheel, digest="0" * 64)
    set_settings(root, tmp_path / "other")
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.UNCHECKED
    assert "was served with other bytes than the index says" in outcome.summary


def test_a_download_that_is_gone_leaves_it_unchecked(
    judge: Judge, root: Path, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path / "bad", "1.2.2")
    serve(tmp_path / "other", wheel)
    wheel.unlink()
    set_settings(root, tmp_path / "other")
    assert "cannot be downloaded" in judged(judge, root).outcome.summary


@pytest.mark.parametrize("data", [b"no zip", b"", b"PK\x05\x06" + bytes(18)])
def test_a_previous_wheel_that_is_none_never_passes_for_one(
    judge: Judge, root: Path, tmp_path: Path, data: bytes
) -> None:
    wheel = make_wheel(tmp_path / "bad", "1.2.2")
    wheel.write_bytes(data)
    serve(tmp_path / "other", wheel)
    set_settings(root, tmp_path / "other")
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.UNCHECKED, outcome


def test_a_member_that_leads_out_is_not_written(judge: Judge, root: Path, tmp_path: Path) -> None:
    files: dict[str, bytes | str | None] = {
        "small_thing/__init__.py": OLD,
        "../../../../escaped.py": "",
        "/escaped.py": "",
    }
    serve(tmp_path / "other", make_wheel(tmp_path / "bad", "1.2.2", files))
    set_settings(root, tmp_path / "other")
    judged(judge, root)
    assert not list(tmp_path.rglob("escaped.py"))
    assert not Path("/escaped.py").exists()


@pytest.mark.parametrize("printed", ["", "{}", "null"])
def test_a_comparison_that_answers_nonsense_leaves_it_unchecked(
    root: Path, tmp_path: Path, printed: str
) -> None:
    outcome = judged(with_broken_tools(tmp_path, "ratchet", printed), root).outcome
    assert outcome.status is Status.UNCHECKED
    assert "the public API was not compared" in outcome.summary


def test_sources_that_cannot_be_parsed_never_pass(judge: Judge, root: Path) -> None:
    build(root, "def broken(:\n")
    assert judged(judge, root).outcome.status is not Status.PASSED


# --- the public API, as griffe sees it ------------------------------------------------------------


def compare(
    judge: Judge,
    root: Path,
    tmp_path: Path,
    old: str,
    new: str,
    files: dict[str, str | bytes] | None = None,
    changed: dict[str, str | bytes] | None = None,
    lines: str = "",
) -> list[str]:
    """What is said of a package whose `__init__` was `old` and is `new`.

    `files` are further ones of the package, `changed` those of the new one where they differ.
    """

    def content(init: str, more: dict[str, str | bytes] | None) -> dict[str, bytes | str | None]:
        return {
            "small_thing/__init__.py": init,
            **{f"small_thing/{name}": text for name, text in (more or {}).items()},
        }

    index = tmp_path / "api"
    if not index.exists():
        serve(index, make_wheel(tmp_path / "api-old", "1.2.2", content(old, files)))
    set_settings(root, index, lines)
    make_wheel(root / ".release" / "dist", files=content(new, changed or files))
    outcome = judged(judge, root).outcome
    return [f.message for f in outcome.blocking] if outcome.status is Status.FAILED else []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def f(*args): ...\n", "def f(*others): ...\n"),
        ("def f(__x): ...\n", "def f(x, /): ...\n"),
        ("class A(dict):\n    def get(self): ...\n", "class A(dict):\n    pass\n"),
        ("class A:\n    def __repr__(self): ...\n", "class A:\n    pass\n"),
        ("old = 1\n", "def __getattr__(name): ...\n"),
        ("def __getattr__(name): ...\n", "x = 1\n"),
        ("from os.path import *\n", "x = 1\n"),
        (
            "import click\n@click.command()\ndef f(a): ...\n",
            "import click\n@click.command()\ndef f(a, b): ...\n",
        ),
    ],
)
def test_changes_that_callers_do_not_see_pass(
    judge: Judge, root: Path, tmp_path: Path, old: str, new: str
) -> None:
    assert compare(judge, root, tmp_path, old, new) == []


def test_names_that_are_exported_from_private_modules_are_public(
    judge: Judge, root: Path, tmp_path: Path
) -> None:
    old = "from small_thing._impl import f\n__all__ = ['f']\n"
    serve(
        tmp_path / "api",
        make_wheel(
            tmp_path / "api-old",
            "1.2.2",
            {"small_thing/__init__.py": old, "small_thing/_impl.py": "def f(): ...\n"},
        ),
    )
    set_settings(root, tmp_path / "api")
    make_wheel(
        root / ".release" / "dist",
        files={"small_thing/__init__.py": "__all__ = []\n", "small_thing/_impl.py": "\n"},
    )
    assert said(judged(judge, root)) == ["api small_thing.f: removed since 1.2.2"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "from .core import Thing\nfrom .core import f\n",
            "from .core import f\n",
            ["api small_thing.Thing: removed since 1.2.2"],
        ),
        (
            "from small_thing._core import Thing as Thing\n",
            "",
            ["api small_thing.Thing: removed since 1.2.2"],
        ),
        ("from .core import *\n", "", [f"api small_thing.{n}: removed since 1.2.2" for n in
                                      ("Thing", "f")]),
        ("from ._core import Thing\n", "from .core import Thing\n", []),
        ("from ._core import Thing\n", "def __getattr__(name): ...\n", []),
        ("from . import core\nfrom ._core import _g\nfrom os import path\n", "", []),
        ("import typing\nif typing.TYPE_CHECKING:\n    from .core import Thing\n", "", []),
        ("from .core import f\n__all__ = ['x']\nx = 1\n", "x = 1\n", []),
    ],
)  # fmt: skip
def test_what_a_package_imports_from_itself_is_public_without_an_all(
    judge: Judge, root: Path, tmp_path: Path, before: str, after: str, expected: list[str]
) -> None:
    core = "class Thing:\n    pass\ndef f(): ...\ndef _g(): ...\n"
    found = compare(judge, root, tmp_path, before, after, {"core.py": core, "_core.py": core})
    assert found == expected


def test_what_stands_in_a_private_module_is_compared_where_it_is_public(
    judge: Judge, root: Path, tmp_path: Path
) -> None:
    init = "from ._core import Thing, f\n"
    old = "class Thing:\n    def m(self): ...\ndef f(a, b=1): ...\ndef g(a): ...\n"
    expected = [
        "api small_thing.Thing.m: removed since 1.2.2",
        "api small_thing.f(b): parameter removed since 1.2.2",
    ]
    new = "class Thing:\n    def n(self): ...\ndef f(a): ...\n"
    for text in (init, f"{init}__all__ = ['Thing', 'f']\n"):
        assert compare(
            judge, root, tmp_path, text, text, {"_core.py": old}, {"_core.py": new}
        ) == expected  # fmt: skip


@pytest.mark.parametrize(
    "base", ["enum.Enum", "IntEnum", "str, enum.Enum", "enum.Flag", "models.TextChoices"]
)
def test_a_member_of_an_enumeration_that_is_gone_fails(
    judge: Judge, root: Path, tmp_path: Path, base: str
) -> None:
    old = (
        f"import enum\nfrom enum import IntEnum\nclass Colour({base}):\n    RED = 1\n    BLUE = 2\n"
    )
    new = old.replace("    BLUE = 2\n", "")
    assert compare(judge, root, tmp_path, old, new) == [
        "api small_thing.Colour.BLUE: removed since 1.2.2"
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "from ._core import Thing\n", "small_thing.Thing"),
        (
            "from ._core import Other\n",
            "from ._core import Other\nfrom ._core import Thing as Thing\n",
            "small_thing.Thing",
        ),
        ("from ._core import Thing\n", "from ._core import Thing, _x\nfrom os import path\n", ""),
        (
            "def __getattr__(name): ...\n",
            "from ._core import Thing\ndef __getattr__(name): ...\n",
            "",
        ),
        (
            "class A:\n    def f(self): ...\nclass B(A):\n    pass\n",
            "class A:\n    def f(self): ...\nclass B(A):\n    def f(self): ...\n    __repr__ = f\n",
            "",
        ),
    ],
)
def test_names_that_are_imported_count_as_new_and_those_that_were_answered_for_do_not(
    judge: Judge, root: Path, tmp_path: Path, old: str, new: str, expected: str
) -> None:
    core: dict[str, str | bytes] = {
        "_core.py": "class Thing:\n    pass\nclass Other:\n    pass\n_x = 1\n"
    }
    frozen = "gates.ratchet.frozen-patches = true"
    found = compare(judge, root, tmp_path, old, new, core, lines=frozen)
    assert found == ([f"a patch release adds to the public API: {expected}"] if expected else [])


def test_a_method_that_is_new_behind_a_private_module_is_new(
    judge: Judge, root: Path, tmp_path: Path
) -> None:
    init, core = "from ._core import Thing\n", "class Thing:\n    def f(self): ...\n"
    found = compare(
        judge, root, tmp_path, init, init, {"_core.py": core},
        {"_core.py": f"{core}    def g(self): ...\n"}, lines="gates.ratchet.frozen-patches = true",
    )  # fmt: skip
    assert found == ["a patch release adds to the public API: small_thing.Thing.g"]


def test_a_module_that_was_compiled_adds_nothing_by_its_source(
    judge: Judge, root: Path, tmp_path: Path
) -> None:
    found = compare(
        judge, root, tmp_path, "", "", {"fast.abi3.so": b""}, {"fast.py": "def f(): ...\n"},
        lines="gates.ratchet.frozen-patches = true",
    )  # fmt: skip
    assert found == []


def test_two_wheels_are_compared_one_by_one(judge: Judge, root: Path) -> None:
    build(root, OLD.replace("double", "triple"))
    files: dict[str, bytes | str | None] = {"small_thing/__init__.py": OLD}
    name = "small_thing-1.2.3-cp311-cp311-manylinux_2_28_x86_64.whl"
    make_wheel(root / ".release" / "dist", files=files, name=name)
    assert said(judged(judge, root)) == [
        "file small_thing/data.json is gone since 1.2.2",
        "api small_thing.double: removed since 1.2.2",
    ]


# --- downloads ------------------------------------------------------------------------------------


class Server(LocalServer):
    """An index that answers as JSON, and asks for credentials where it has some."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.page: dict[str, object] = {}
        self.credentials = ""

    def answer(self, request: Request) -> Reply:
        if self.credentials and not request.authorisation:
            return Reply(401)
        if request.path == "/simple/small-thing/":
            kind = {"Content-Type": "application/vnd.pypi.simple.v1+json"}
            return Reply(body=self.page, headers=kind)
        name = request.path.rpartition("/")[2]
        return Reply(200 if name in self.files else 404, self.files.get(name, b""))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with the wheel and the sdist of 1.2.2, attested."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    old = tmp_path / "served"
    paths = [
        make_wheel(old, "1.2.2", {"small_thing/__init__.py": OLD}),
        make_sdist(old, "1.2.2"),
    ]
    with Server() as found:
        base = found.address
        found.files = {path.name: path.read_bytes() for path in paths}
        found.page = {
            "meta": {"api-version": "1.4"},
            "name": "small-thing",
            "versions": ["1.2.2"],
            "files": [
                {
                    "filename": path.name,
                    "url": f"{base}/files/{path.name}",
                    "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
                    "size": path.stat().st_size,
                    "upload-time": "2026-01-02T03:04:05.000000Z",
                    "provenance": f"{base}/integrity/{path.name}/provenance",
                }
                for path in paths
            ],
        }
        yield found


def address(server: Server, user: str = "") -> str:
    return server.address.replace("://", f"://{user}") + "/simple/"


def test_attestations_of_the_previous_files_are_told(
    judge: Judge, root: Path, server: Server
) -> None:
    set_settings(root, address(server))
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED, outcome
    assert outcome.facts["provenance"] == "yes"
    assert "2 of 2 of the previous files have attestations" in outcome.notes[0].message


def test_what_the_index_tells_of_a_file_is_read(server: Server) -> None:
    files = served_files("small-thing", address(server))
    assert files is not None
    first = files[0]
    assert first.version == "1.2.2"
    assert first.size == len(server.files[first.name])
    assert first.uploaded is not None
    assert first.provenance is not None


def test_a_file_is_downloaded_with_the_credentials_of_its_index(
    server: Server, tmp_path: Path
) -> None:
    server.credentials = "asked for"
    index = address(server, "user:pass%40word@")
    files = served_files("small-thing", index)
    assert files is not None
    path = download(files[0], index, tmp_path)
    assert path.read_bytes() == server.files[files[0].name]
    with pytest.raises(CannotCheck, match="its server answers 401"):
        download(files[0], "http://user:pass@localhost:1/simple/", tmp_path)


@pytest.mark.parametrize(
    "file",
    [
        ServedFile("../escaped.whl", "1", "http://127.0.0.1:9/x"),
        ServedFile("a/b.whl", "1", "http://127.0.0.1:9/x"),
        ServedFile("", "1", "http://127.0.0.1:9/x"),
        ServedFile("a.whl", "1", "file:///etc/hostname"),
        ServedFile("a.whl", "1", "gopher://127.0.0.1/x"),
        ServedFile("a.whl", "1", "http://127.0.0.1:9/x"),
    ],
)
def test_what_an_index_must_not_name_is_not_downloaded(file: ServedFile, tmp_path: Path) -> None:
    with pytest.raises(CannotCheck):
        download(file, "https://index.invalid/simple/", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] in ([], ["a.whl"])
