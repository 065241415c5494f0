"""What mkdocs and Sphinx complain of, on saved output of real runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.gates.docs.docs_build import (
    Warnings,
    judge_mkdocs,
    judge_sphinx,
    link_target,
    unresolved_name,
)

DATA = Path(__file__).parents[2] / "data" / "docs"
OWN = frozenset({"small_thing", "nothing"})


def saved(name: str) -> str:
    return (DATA / f"{name}.txt").read_text(encoding="utf-8")


def mkdocs(name: str) -> Warnings:
    return judge_mkdocs(1, saved(f"mkdocs-{name}"), OWN)


def sphinx_error(name: str) -> Warnings:
    return judge_sphinx(2, "", saved(f"sphinx-{name}"), OWN)


class TestSphinx:
    def test_each_warning_is_a_defect_with_its_place(self) -> None:
        found = judge_sphinx(1, saved("sphinx-warnings"), "", OWN)
        assert [(f.path, f.line) for f in found.defects] == [
            ("/project/docs/index.rst", 4),
            (None, None),
            ("/project/docs/sub/o.rst", None),
            ("/project/docs/index.rst", 8),
            ("/project/docs/index.rst", 8),
            ("/project/docs/index.rst", 12),
        ]
        texts = [f.message for f in found.defects]
        assert texts[0] == (
            "toctree contains reference to nonexisting document 'missing' [toc.not_readable]"
        )
        assert texts[1].startswith("autodoc: failed to import 'notthere'")
        assert texts[3].startswith("py:class reference target not found: nothing.Such")
        assert texts[4].startswith("unknown document: 'nope'")

    def test_references_that_an_unreached_inventory_may_hold_are_undecided(self) -> None:
        found = judge_sphinx(1, saved("sphinx-warnings"), "", OWN)
        assert found.lacking == (
            "the network (docs.invalid.example)",
            "the network (b.invalid.example)",
        )
        assert found.undecided == 2  # pathlib.Path, and a label

    def test_a_reference_that_is_called_like_an_error_of_the_network_is_a_defect(self) -> None:
        said = "a.rst:4: WARNING: py:exc reference target not found: small_thing.ConnectionError"
        found = judge_sphinx(1, said, "", OWN)
        assert (len(found.defects), found.lacking) == (1, ())

    def test_what_myst_looks_up_in_an_unreached_inventory_is_undecided(self) -> None:
        found = judge_sphinx(
            1,
            "WARNING: failed to reach any of the inventories with the following issues:\n"
            "intersphinx inventory 'https://b.invalid.example/objects.inv' not fetchable\n"
            "/p/a.md:1: WARNING: No matches for 'flask:*:*:patterns' [myst.iref_missing]\n"
            "/p/a.md:2: WARNING: No matches for '*:*:*:nowhere' [myst.iref_missing]\n",
            "",
            OWN,
        )
        assert found.undecided == 1
        assert [f.line for f in found.defects] == [2]

    def test_the_same_references_are_defects_where_everything_was_reached(self) -> None:
        text = saved("sphinx-warnings")
        reached = text[text.index("/project/docs/index.rst:4") :]
        found = judge_sphinx(1, reached, "", OWN)
        assert (len(found.defects), found.lacking, found.undecided) == (8, (), 0)

    def test_what_a_module_that_was_not_imported_holds_is_undecided(self) -> None:
        found = judge_sphinx(1, saved("sphinx-signatures"), "", frozenset({"cattrs"}))
        assert found.lacking == ("orjson",)
        assert found.undecided == 2  # the module that needs it, and a class of that
        assert {unresolved_name(f.message) for f in found.defects} == {
            "HookFactory", "BaseException.args", "collections.abc.Callable", "T",
        }  # fmt: skip

    def test_a_term_of_another_projects_glossary_is_undecided(self) -> None:
        found = judge_sphinx(1, saved("sphinx-term"), "", OWN)
        assert (found.defects, found.undecided) == ((), 1)
        reached = saved("sphinx-term").split("\n")[2]
        assert len(judge_sphinx(1, reached, "", OWN).defects) == 1

    def test_an_unreached_inventory_alone_is_no_defect(self) -> None:
        text = saved("sphinx-warnings")
        found = judge_sphinx(1, text[: text.index("/project/docs/index.rst:4")], "", OWN)
        assert found.defects == ()
        assert len(found.lacking) == 2

    def test_a_line_within_a_docstring_is_not_given_as_one_of_the_file(self) -> None:
        text = "/p/src/a.py:docstring of a.f:3: WARNING: Unexpected indentation. [docutils]\n"
        (found,) = judge_sphinx(1, text, "", OWN).defects
        assert (found.path, found.line) == ("/p/src/a.py", None)

    def test_a_module_that_autodoc_needs_and_that_is_not_installed_is_a_gap(self) -> None:
        text = (
            "WARNING: autodoc: failed to import 'small_thing.web'; the following exception was"
            " raised:\nModuleNotFoundError: No module named 'flask'\n"
        )
        found = judge_sphinx(1, text, "", OWN)
        assert (found.lacking, found.defects) == (("flask",), ())

    @pytest.mark.parametrize(
        ("name", "gaps"),
        [("extension", "myst_parser"), ("theme", "furo"), ("conf-import", "nosuch")],
    )
    def test_what_is_not_installed_is_a_gap(self, name: str, gaps: str) -> None:
        found = sphinx_error(name)
        assert (found.lacking, found.defects, found.broken) == ((gaps,), (), None)

    def test_a_module_of_the_project_that_is_missing_is_a_defect(self) -> None:
        found = judge_sphinx(2, "", saved("sphinx-conf-import"), frozenset({"nosuch"}))
        assert "No module named 'nosuch'" in found.defects[0].message

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("conf-error", "NameError: name 'undefined' is not defined"),
            ("conf-syntax", "'(' was never closed"),
            ("no-index", "unable to load the master document"),
        ],
    )
    def test_a_broken_configuration_is_a_defect(self, name: str, said: str) -> None:
        (found,) = sphinx_error(name).defects
        assert said in found.message

    def test_an_extension_of_the_project_that_does_not_import_is_a_defect(self) -> None:
        own = frozenset({"myst_parser"})
        found = judge_sphinx(2, "", saved("sphinx-extension"), own)
        assert "Could not import extension myst_parser" in found.defects[0].message

    @pytest.mark.parametrize(
        ("status", "output"),
        [(2, ""), (-9, ""), (1, ""), (2, "Exception occurred:\nKeyError: 'x'\n"), (3, "?")],
    )
    def test_a_crash_is_neither_a_pass_nor_a_defect(self, status: int, output: str) -> None:
        found = judge_sphinx(status, "", output, OWN)
        assert found.broken
        assert not found.defects

    def test_warnings_count_although_the_status_is_0(self) -> None:
        text = saved("sphinx-warnings")
        assert judge_sphinx(0, text, "", OWN) == judge_sphinx(1, text, "", OWN)

    def test_nothing_to_complain_of(self) -> None:
        assert judge_sphinx(0, "", "", OWN) == Warnings()


class TestMkdocs:
    def test_each_warning_is_a_defect_with_its_page(self) -> None:
        found = mkdocs("links").defects
        assert [f.path for f in found] == ["mkdocs.yml", "index.md", "index.md"]
        assert [link_target(f.message) for f in found] == [None, "missing.md", "pic.png"]

    @pytest.mark.parametrize(
        ("name", "gap"), [("plugin", "nosuch"), ("theme", "nosuch"), ("extension", "nosuch")]
    )
    def test_what_is_not_installed_is_a_gap(self, name: str, gap: str) -> None:
        found = mkdocs(name)
        assert (found.lacking, found.defects) == ((gap,), ())

    def test_a_configuration_that_is_no_yaml_is_a_defect_with_its_line(self) -> None:
        (found,) = mkdocs("yaml").defects
        assert (found.path, found.line) == ("mkdocs.yml", 1)
        assert "expected the node content" in found.message
        assert "/project" not in found.message

    def test_a_wrong_option_is_a_defect_of_the_configuration(self) -> None:
        (found,) = mkdocs("option").defects
        assert found.path == "mkdocs.yml"

    def test_a_module_that_a_page_names_and_that_does_not_exist_is_a_defect(self) -> None:
        found = mkdocs("collect")
        assert any("Could not collect 'nosuchmod'" in f.message for f in found.defects)
        assert found.lacking == ()

    def test_an_unreached_inventory_makes_its_references_undecided(self) -> None:
        found = mkdocs("inventory")
        assert found.lacking == ("the network (a.invalid.example)",)
        assert (found.undecided, found.defects) == (1, ())

    def test_an_own_reference_is_a_defect_all_the_same(self) -> None:
        text = saved("mkdocs-inventory").replace("foo.bar", "small_thing.bar")
        assert len(judge_mkdocs(1, text, OWN).defects) == 1

    @pytest.mark.parametrize(
        "output",
        ["", "Traceback (most recent call last):\n  x\nKeyError: 'x'\n", "Killed\n"],
    )
    def test_a_crash_is_neither_a_pass_nor_a_defect(self, output: str) -> None:
        found = judge_mkdocs(1, output, OWN)
        assert found.broken
        assert not found.defects

    def test_a_plugin_that_lacks_a_module_is_a_gap(self) -> None:
        text = "Traceback (most recent call last):\n  x\nImportError: No module named 'cairosvg'\n"
        assert judge_mkdocs(1, text, OWN).lacking == ("cairosvg",)

    def test_warnings_count_although_the_status_is_0(self) -> None:
        text = saved("mkdocs-links")
        assert judge_mkdocs(0, text, OWN) == judge_mkdocs(1, text, OWN)

    def test_nothing_to_complain_of(self) -> None:
        assert judge_mkdocs(0, "INFO    -  Documentation built", OWN) == Warnings()


@pytest.mark.slow
def test_a_flood_of_output_is_read_in_linear_time() -> None:
    text = "/p/index.rst:1: WARNING: x\n  more\n" * 100_000
    assert len(judge_sphinx(1, text, "", OWN).defects) == 1
    assert len(judge_mkdocs(1, "WARNING -  Doc file 'a.md' x\n more\n" * 100_000, OWN).defects) == 1
