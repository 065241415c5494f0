"""Tag filters of pushes, by the patterns of GitHub."""

from __future__ import annotations

import pytest

from release.gates.workflows.model import Workflow
from release.gates.workflows.read import parse
from release.gates.workflows.triggers import RELEASE_TYPES, matches, scenarios, tag_filter


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("v[0-9]*", ["v1", "v1.2", "v1-x"], ["v", "vx", "1", "v1/2"]),
        ("*", ["a", "v1", ""], ["a/b"]),
        ("**", ["a/b", "a"], []),
        ("v1.?", ["v1", "v1."], ["v1.2"]),
        ("[0-9]+.[0-9]+", ["1.2", "10.20"], ["1", "1x2", "1.2.3"]),
        ("v\\*", ["v*"], ["v1"]),
        ("a.b", ["a.b"], ["axb"]),
        ("[^a]", ["^", "a"], ["b"]),
    ],
)
def test_a_pattern_matches_as_github_does(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [tag for tag in yes if not matches(pattern, tag)] == []
    assert [tag for tag in no if matches(pattern, tag)] == []


@pytest.mark.parametrize("pattern", ["[", "[a", "[z-a]"])
def test_a_malformed_pattern_matches_nothing(pattern: str) -> None:
    assert not any(matches(pattern, tag) for tag in ("", "[", "a", "[a", "z"))


@pytest.mark.parametrize("pattern", ["*a" * 200, "a?" * 200, "**" * 300 + "b", "a+" * 200 + "b"])
def test_hostile_patterns_end(pattern: str) -> None:
    assert not matches(pattern, "a" * 250 + "c")


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("tags: ['v*', '!v*rc*', v1rc9]", ["v1", "v1rc9"], ["v1rc1", "x"]),
        ("tags: v*", ["v1"], ["x"]),
        ("tags-ignore: ['*-test']", ["v1"], ["v1-test"]),
        ("branches: [main]", ["anything"], []),
    ],
)
def test_the_last_pattern_that_matches_decides(text: str, yes: list[str], no: list[str]) -> None:
    node, _ = parse(text, "a.yml")
    passes = tag_filter(node.get("tags"), node.get("tags-ignore"))
    assert all(passes(tag) for tag in yes)
    assert not any(passes(tag) for tag in no)


@pytest.mark.parametrize(
    ("told", "kinds"),
    [
        ("{}", RELEASE_TYPES),
        ("{types: published}", ("published",)),
        ("{types: [published, created]}", ("published", "created")),
    ],
)
def test_a_release_leads_to_a_run_for_each_of_its_types(told: str, kinds: tuple[str, ...]) -> None:
    node, _ = parse(f"on: {{release: {told}}}\n", "a.yml")
    found = list(scenarios(Workflow("a.yml", node, node.mapping("on"), {})))
    assert tuple(one("github.event.action") for one in found) == kinds
    assert all(one.is_tag for one in found)
