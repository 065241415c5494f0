from __future__ import annotations

import pytest

from release.gates.build.contents import (
    exclusions,
    judge_completeness,
    judge_expected,
    judge_licences,
    judge_unwanted,
    judge_whole,
    matches,
    top_level_modules,
)
from release.gates.build.distribution import Archive, Member
from release.model import Judgement


def archive(*names: str, file: str = "demo-1.0-py3-none-any.whl", **details: object) -> Archive:
    members = tuple(Member(name, 1, 0o644, 0, "") for name in names)
    return Archive(file, members, **details)  # type: ignore[arg-type]


def sdist(*names: str, **details: object) -> Archive:
    return archive(*names, file="demo-1.0.tar.gz", **details)


def unwanted(found: Archive, **globs: tuple[str, ...]) -> Judgement:
    settings = {"unwanted": (), "allowed": (), **globs}
    return judge_unwanted(found, **settings)


@pytest.mark.parametrize(
    ("glob", "name"),
    [
        ("pkg/web_ui/**", "pkg/web_ui/index.html"),
        ("pkg/web_ui/**", "pkg/web_ui/a/b/c.js"),
        ("pkg/web_ui/", "pkg/web_ui/a/b/c.js"),
        ("pkg/web_ui", "pkg/web_ui/index.html"),
        ("pkg/**/*.js", "pkg/a.js"),
        ("pkg/**/*.js", "pkg/a/b/c.js"),
        ("**/*.js", "c.js"),
        ("py.typed", "pkg/py.typed"),
        ("pkg/[ab].py", "pkg/b.py"),
        ("pkg/[!a].py", "pkg/b.py"),
        ("pkg/?.py", "pkg/b.py"),
    ],
)
def test_a_glob_matches_what_it_says(glob: str, name: str) -> None:
    assert matches(name, [glob])


@pytest.mark.parametrize(
    ("glob", "name"),
    [
        ("pkg/web_ui/**", "pkg/web_ui"),
        ("pkg/web_ui/**", "pkg/web_uis/index.html"),
        ("pkg/*.js", "pkg/a/b.js"),
        ("web_ui/*", "pkg/web_ui/index.html"),
        ("pkg/[!a].py", "pkg/a.py"),
        ("a.b", "aXb"),
        ("[z-a]", "z"),
    ],
)
def test_a_glob_matches_nothing_else(glob: str, name: str) -> None:
    assert not matches(name, [glob])


def test_each_expected_glob_is_looked_at_and_a_barren_one_is_named() -> None:
    judged = judge_expected(archive("pkg/a.py"), ["pkg/*.py", "pkg/web_ui/**"], "the setting")

    assert judged.checked == 2
    assert [f.message for f in judged.defects] == [
        "nothing in the wheel matches 'pkg/web_ui/**', which the setting expects"
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("demo/__pycache__/a.cpython-311.pyc", "bytecode"),
        ("demo/a.pyc", "bytecode"),
        ("demo/.mypy_cache/x.json", "cache"),
        ("demo/.venv/bin/python", "virtual environment"),
        ("demo/env/pyvenv.cfg", "virtual environment"),
        ("demo/.git/config", "version control"),
        ("demo/.DS_Store", "operating system"),
        ("demo/.a.py.swp", "operating system"),
        ("demo/a.py~", "operating system"),
        ("demo/.env", "credentials"),
        ("demo/.env.production", "credentials"),
        ("demo/.pypirc", "credentials"),
        ("demo/id_ed25519", "credentials"),
        (".aws/credentials", "credentials"),
    ],
)
@pytest.mark.parametrize("make", [archive, sdist])
def test_what_no_distribution_should_hold_is_named(make: object, name: str, kind: str) -> None:
    judged = unwanted(make("demo/__init__.py", name))  # type: ignore[operator]

    blocks = kind == "credentials"
    [fault] = judged.defects if blocks else judged.advice
    assert len(judged.defects + judged.advice) == 1
    assert kind in fault.message
    assert name in fault.message
    assert fault.remedy


@pytest.mark.parametrize(
    "name",
    [
        "demo/.env.example",
        "demo/cacert.pem",
        "demo/id_rsa.pub",
        "demo/environment.py",
        "demo/.gitkeep",
        "demo/tests/test_a.py",
        "demo/data.bak.json",
    ],
)
def test_ordinary_files_are_wanted(name: str) -> None:
    judged = unwanted(archive("demo/__init__.py", name))
    assert judged.defects == judged.advice == ()


def test_only_a_wheel_must_be_free_of_egg_info_and_of_files_for_git() -> None:
    names = ("tests/test_a.py", "demo.egg-info/PKG-INFO", ".gitignore")

    assert unwanted(sdist(*names)).advice == ()
    found = [fault.message for fault in unwanted(archive(*names)).advice]
    assert len(found) == 2
    assert any("demo.egg-info/PKG-INFO" in message for message in found)


def test_settings_add_unwanted_files_and_allow_others() -> None:
    found = archive("demo/a.psd", "tests/__init__.py")

    faults = unwanted(found, unwanted=("*.psd",), allowed=("tests",)).defects

    assert [("a.psd" in f.message, "build.unwanted" in f.message) for f in faults] == [(True, True)]


def test_a_key_among_the_tests_of_an_sdist_is_a_remark_and_elsewhere_a_fault() -> None:
    names = ("tests/certs/server.key", "src/demo/server.key")
    judged = unwanted(sdist(*names, secrets=tuple((name, "a private key") for name in names)))

    assert ["src/demo/server.key" in f.message for f in judged.defects] == [True]
    assert "tests/certs" not in judged.defects[0].message
    assert ["tests/certs/server.key" in f.message for f in judged.advice] == [True]


def test_what_an_editor_left_among_tests_of_an_sdist_is_said_to_be_there() -> None:
    name = "tests/.DS_Store"

    assert "among tests or examples" in unwanted(sdist(name)).advice[0].message
    assert "among tests" not in unwanted(archive(name)).advice[0].message


def test_a_wheel_that_lacks_modules_or_data_is_told_which() -> None:
    tree = [f"src/demo/static/{n}.js" for n in range(30)]
    tree += ["src/demo/__init__.py", "src/demo/core.py", "README.md"]
    judged = judge_completeness({"demo/__init__.py"}, tree, {"src/demo": "demo"})

    assert judged.checked == 32
    (found,) = judged.advice
    assert found.message.startswith("the wheel lacks 31 file(s) of the package: src/demo/core.py, ")
    assert found.message.endswith("and 19 more")


def test_what_is_usually_left_out_of_a_wheel_may_be_missing() -> None:
    tree = ["demo/__init__.py", "demo/tests/test_a.py", "demo/README.md", "demo/.gitignore"]
    tree += ["demo/conftest.py", "demo/fast.pyx", "demo/meson.build"]
    judged = judge_completeness({"demo/__init__.py"}, tree, {"demo": "demo"})

    assert judged == Judgement(7)


@pytest.mark.parametrize("glob", ["demo/big.json", "big.json", "src/demo/*.json"])
def test_what_the_project_excludes_or_allows_may_be_missing(glob: str) -> None:
    tree = ["src/demo/__init__.py", "src/demo/big.json"]
    judged = judge_completeness({"demo/__init__.py"}, tree, {"src/demo": "demo"}, (glob,))
    assert judged == Judgement(2)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            ("demo/web_ui/index.html",),
            "the sdist lacks what makes a file of the wheel: demo/web_ui/i",
        ),
        (("demo/a.py", "demo/b.txt"), "the sdist lacks what makes 2 files of the wheel: demo/a.py"),
        (("demo/__pycache__/a.pyc",), None),
        (("demo/big.json",), None),
        ((), None),
    ],
)
def test_what_only_a_wheel_of_the_repository_has_is_named(
    more: tuple[str, ...], said: str | None
) -> None:
    judged = judge_whole(
        archive("demo/__init__.py"), archive("demo/__init__.py", *more), ("demo/big.json",)
    )
    assert judged.defects == ()
    assert [f.message.startswith(str(said)) for f in judged.advice] == ([True] if said else [])


@pytest.mark.parametrize(
    ("in_sdist", "in_wheel", "said"),
    [
        ("LICENSE", "demo-1.dist-info/licenses/LICENSE", None),
        ("LICENSE", "demo/a.py", "the wheel lacks LICENSE"),
        ("README", "demo-1.dist-info/LICENSE", "the sdist lacks LICENSE"),
        ("README", "demo/a.py", "the sdist lacks LICENSE, the wheel lacks LICENSE"),
    ],
)
def test_a_licence_that_a_distribution_lacks_is_named(
    in_sdist: str, in_wheel: str, said: str | None
) -> None:
    tree = ["LICENSE", "demo/LICENSE", "README"]
    judged = judge_licences(sdist(in_sdist), archive(in_wheel), tree, ())
    assert ", ".join(found.message for found in judged.advice) == (said or "")
    assert not judge_licences(sdist("a"), archive("b"), tree, ("LICENSE",)).advice


@pytest.mark.parametrize("name", ["UNLICENSE", "COPYRIGHT", "licence-mit.txt", "NOTICE.txt"])
def test_what_holds_a_licence_is_told_by_the_name_that_documents_go_by(name: str) -> None:
    assert judge_licences(sdist("a"), archive("b"), [name, f"x/{name}"], ()).advice
    assert not judge_licences(sdist("a"), archive("b"), ["noticeboard.py"], ()).advice


def test_exclusions_are_read_from_every_backend_and_from_the_manifest() -> None:
    tool = {
        "hatch": {"build": {"targets": {"wheel": {"exclude": ["/a.txt"]}}}},
        "setuptools": {"packages": {"find": {"exclude": ["demo.sub.*"], "include": ["demo"]}}},
        "poetry": {"exclude": ["b.txt"]},
        "uv": {"build-backend": {"wheel-exclude": ["c.txt"]}},
        "ruff": {"exclude": ["not/mine"]},
    }
    manifest = "include x\nprune demo/old\nglobal-exclude *.tmp\nrecursive-exclude demo *.yml\n"

    found = exclusions({"tool": tool}, manifest)

    assert set(found) == {
        "/a.txt",
        "demo/sub/*",
        "b.txt",
        "c.txt",
        "demo/old",
        "*.tmp",
        "demo/**/*.yml",
    }


@pytest.mark.parametrize(
    ("installed", "modules"),
    [
        (["demo/__init__.py", "demo/a.py", "demo/sub/__init__.py"], ("demo",)),
        (["one.py", "_two.cpython-311-x86_64-linux-gnu.so", "three.pyd"], ("_two", "one", "three")),
        (["google/cloud/demo/__init__.py", "google/cloud/demo/a.py"], ("google.cloud.demo",)),
        (["space/a.py", "space/b/__init__.py", "space/b/c.py"], ("space.a", "space.b")),
        (["demo-stubs/__init__.pyi", "demo.pth", "data/x.json", "my-pkg/__init__.py"], ()),
        (["demo/__init__.cpython-311-darwin.so"], ("demo",)),
        (["demo/__main__.py", "demo/__init__.py"], ("demo",)),
    ],
)
def test_top_level_modules_are_found(installed: list[str], modules: tuple[str, ...]) -> None:
    assert top_level_modules(installed) == modules
