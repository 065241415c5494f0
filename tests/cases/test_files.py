"""What is built, the bill of materials, and the citation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from release.gates.build import judge_imports, judge_wheel_contents
from release.gates.documents import judge_schema
from release.gates.sbom.cyclonedx import licence, with_licences
from release.run.processes import Completed

MISSING = "ModuleNotFoundError"


def entry_points(step: str, kind: str, missing: str | None) -> Any:
    events = [
        {"step": "metadata", "event": "end", "value": "1.0"},
        {"step": "import small", "event": "end", "value": None},
        {"step": step, "event": "error", "type": kind, "message": "no", "missing": missing,
         "place": ""},
        {"step": "all", "event": "end"},
    ]  # fmt: skip
    text = "\n".join(map(json.dumps, events))
    return judge_imports(
        text, timed_out=False, last_line="", version="1.0", main="small", extras=("pytest",)
    )


@pytest.mark.parametrize(
    ("step", "kind", "missing", "defects"),
    [
        ("entry zz of nose.plugins", MISSING, "small.gone", 1),
        ("entry zz of pytest11", MISSING, "small.plugin", 1),
        ("entry zz of flake8.extension", "AttributeError", None, 1),
        ("entry zz of pytest11", MISSING, "pytest", 0),
        ("entry zz of sphinx.builders", MISSING, "sphinx", 0),
        ("script zz", MISSING, "sphinx", 1),
    ],
)
def test_an_entry_point_loads_whatever_its_group(
    step: str, kind: str, missing: str | None, defects: int
) -> None:
    judged = entry_points(step, kind, missing)
    assert len(judged.defects) == defects
    assert len(judged.notes) == 1 - defects


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("W007: Wheel library is empty", "tool.release.gates.build.imports = []"),
        ("W008: Wheel is empty", "tool.release.gates.build.imports = []"),
        ("W001: Wheel contains .pyc/.pyo files:\n  a.pyc", "tool.release.gates.build.allowed"),
    ],
)
def test_the_remedy_for_an_empty_wheel_names_the_setting(code: str, remedy: str) -> None:
    judged = judge_wheel_contents(1, f"dist/meta-1.0-py3-none-any.whl: {code}\n", "", ())
    assert remedy in str(judged.defects[0].remedy)


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        ("BSD", "BSD"),
        ("\n    MIT License\n\nCopyright the authors\n", "MIT License"),
        ("UNKNOWN", "not declared"),
        ("", "not declared"),
    ],
)
def test_the_field_license_is_a_licence_where_nothing_else_says_one(
    stated: str, wanted: str
) -> None:
    document = {
        "metadata": {"component": {"name": "Small.Thing"}},
        "components": [{"name": "other", "licenses": [{"license": {"id": "MIT"}}]}],
    }
    made = with_licences(document, {"small-thing": stated, "other": "GPL"})
    assert licence(made["metadata"]["component"]) == wanted
    assert licence(made["components"][0]) == "MIT"


@pytest.mark.parametrize(
    ("identifier", "wanted"),
    [
        (
            {"type": "swh", "value": "swh:1:rev:abc"},
            "'swh:1:rev:abc' is not a value of the type swh",
        ),
        ({"type": "doi", "value": "doi.org/1"}, "'doi.org/1' is not a value of the type doi"),
        ({"type": "ark", "value": "x"}, "'ark' is not a type of an identifier"),
        ({"type": "url", "value": "https://a.example", "relation": "x"}, "'relation' is not a key"),
        ({"value": "10.5281/zenodo.1"}, "the identifier has no type"),
    ],
)
def test_what_is_wrong_with_an_identifier_is_named(identifier: dict[str, str], wanted: str) -> None:
    lines = "".join(f"    {key}: {value}\n" for key, value in identifier.items())
    text = f"cff-version: 1.2.0\nidentifiers:\n  -\n{lines}"
    error = {
        "path": "$.identifiers[0]",
        "message": "is not valid under any of the given schemas",
        "best_deep_match": {
            "path": "$.identifiers[0].type",
            "message": "'x' is not one of ['doi']",
        },
    }
    printed = json.dumps({"status": "fail", "errors": [error], "parse_errors": []})
    (found,) = judge_schema(
        Completed((), 1, printed, "", 0.0, truncated=False), "CITATION.cff", text
    )
    assert wanted in found.message
    assert found.path == "CITATION.cff"
