"""Reading workflow files: lines are kept, and no file can do more harm than be refused."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.errors import CannotCheck, ConfigurationError
from release.gates.workflows.model import MAX_SHOWN, Node, shown
from release.gates.workflows.read import MAX_BYTES, Loaded, build, load, parse
from release.model import Finding
from release.text import shell
from tests.gates.workflows.examples import GOOD, RELEASE, model
from tests.support import write

TAB = "found character that cannot start any token"
SMALL = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: echo\n"


def plain(node: Node | None) -> object:
    """The value of a node as Python's own types."""
    if node is None or node.null:
        return None
    if node.items is not None:
        return [plain(item) for item in node.items]
    if node.table is not None:
        return {key: plain(value) for key, value in node.table.items()}
    return node.text


def refused(text: str) -> tuple[str, int | None]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "a.yml")
    (problem,) = caught.value.problems
    assert problem.path == "a.yml"
    assert problem.remedy
    return problem.message, problem.line


def loaded(root: Path, files: dict[str, str | bytes | None]) -> Loaded:
    write(root, files)
    return load(root.resolve())


def faults(found: Loaded) -> list[str]:
    assert all(fault.remedy for fault in found.faults)
    return [f"{f.path}:{f.line}: {f.message}" for f in found.faults]


class TestYaml:
    def test_lines_and_comments_are_kept(self) -> None:
        node, found = parse("a:\n  b: 1 # one\n  c:\n    - d # two\nf: |\n  x\n", "a.yml")
        assert found == []
        assert plain(node) == {"a": {"b": "1", "c": ["d"]}, "f": "x\n"}
        b, d, f = node.get("a", "b"), node.get("a", "c"), node.get("f")
        assert b is not None
        assert d is not None
        assert f is not None
        assert (b.line, b.comment) == (2, "one")
        assert d.items is not None
        assert (d.line, d.items[0].line, d.items[0].comment) == (3, 4, "two")
        assert (f.line, f.block) == (5, True)

    @pytest.mark.parametrize("key", ["on", "'on'", '"on"'])
    def test_on_is_a_text_and_not_true(self, key: str) -> None:
        found = model({RELEASE: GOOD.replace("\non:", f"\n{key}:")})
        assert set(found.workflows[RELEASE].triggers) == {"push", "workflow_dispatch"}

    @pytest.mark.parametrize("told", ["push", "[push, release]", "{push: , release: }"])
    def test_triggers_have_three_forms(self, told: str) -> None:
        found = model({RELEASE: SMALL.replace("on: push", f"on: {told}")})
        assert "push" in found.workflows[RELEASE].triggers

    def test_anchors_are_followed(self) -> None:
        node, found = parse("a: &x {b: c}\nd: *x\ne: [*x, *x]\n", "a.yml")
        assert found == []
        assert plain(node) == {"a": {"b": "c"}, "d": {"b": "c"}, "e": [{"b": "c"}, {"b": "c"}]}

    def test_merge_keys_are_followed_and_reported(self) -> None:
        node, found = parse("a: &x {b: c, d: e}\nf:\n  <<: *x\n  b: own\n", "a.yml")
        assert plain(node.get("f")) == {"b": "own", "d": "e"}
        assert [(f.message, f.line) for f in found] == [
            ("has a merge key, which GitHub does not take", 3)
        ]

    def test_a_key_that_is_there_twice_is_reported_and_the_last_counts(self) -> None:
        node, found = parse("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n", "a.yml")
        assert plain(node) == {"a": "3", "b": {"c": "2"}}
        assert [(f.message, f.line) for f in found] == [
            ("states c twice", 4),
            ("states a twice", 5),
        ]

    @pytest.mark.parametrize(
        ("text", "said", "line"),
        [
            ("a: 1\nb:\n\t- c\n", "found character that cannot start any token", 3),
            ("a: b: c\n", "mapping values are not allowed in this context", 1),
            ("a: [1,\n", "did not find expected node content", 2),
            ("a: 1\n\x00\n", "control characters are not allowed", 2),
            ("a: 1\n---\nb: 2\n", "but found another document", 2),
            ("a:\n  - *b\n", "*b stands for no value before it", 2),
            ("a: &x [*x]\n", "*x stands for no value before it", 1),
            ("a:\n  ? [b]\n  : c\n", "has a key that is no text", 2),
            ("", "is no mapping", 1),
            ("- a\n", "is no mapping", 1),
            ("a\n", "is no mapping", 1),
        ],
    )
    def test_what_is_no_workflow_is_refused_with_its_line(
        self, text: str, said: str, line: int
    ) -> None:
        message, place = refused(text)
        assert said in message
        assert place == line

    @pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
    def test_deep_nesting_is_refused(self, opening: str) -> None:
        assert refused("a:\n  " + opening * 100_000)[0] == "is nested too deeply"

    def test_aliases_that_stand_for_too_much_are_refused(self) -> None:
        bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
        )
        assert refused(bomb) == ("stands for more than 100,000 values", 5)

    def test_merge_keys_that_stand_for_too_much_are_refused(self) -> None:
        bomb = "a0: &a0 {k0: v}\n" + "".join(
            f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}], k{n}: v}}\n"
            for n in range(1, 9)
        )
        assert refused(bomb) == ("stands for more than 100,000 values", 6)

    @pytest.mark.parametrize(
        "value", ["2026-99-99", "9" * 10_000, "!!python/object/apply:os.abort []", "!!binary '%'"]
    )
    def test_no_value_is_more_than_a_text(self, value: str) -> None:
        node, found = parse(f"a: {value}\nb: c\n", "a.yml")
        assert plain(node.get("b")) == "c"
        assert plain(node.get("a")) in ([], value, "%")
        assert found == []

    @pytest.mark.slow
    def test_a_large_file_takes_time_in_proportion(self) -> None:
        text = SMALL + "      - run: echo ${{ github.ref }} # x\n" * 20_000
        node, found = parse(text, "a.yml")
        steps = node.get("jobs", "a", "steps")
        assert steps is not None
        assert steps.items is not None
        assert (len(steps.items), steps.items[-1].line, found) == (20_001, 20_006, [])

    @given(st.text("ab:-[]{}&*<>|'\"#!?,\n \t${}\x85\u2028\ufeff", max_size=60))
    @settings(max_examples=200)
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            node, found = parse(text, "a.yml")
        except ConfigurationError:
            return
        lines = text.count("\n") + 1
        assert all(1 <= value.line <= lines for _, value in node.walk())
        assert all(1 <= (f.line or 0) <= lines for f in found)


class TestFiles:
    def test_both_suffixes_count_and_other_files_do_not(self, tmp_path: Path) -> None:
        found = loaded(
            tmp_path,
            {
                ".github/workflows/a.yml": SMALL,
                ".github/workflows/b.yaml": SMALL,
                ".github/workflows/c.txt": "",
                ".github/workflows/d/e.yml": "",
            },
        )
        assert tuple(found.model.workflows) == (
            ".github/workflows/a.yml",
            ".github/workflows/b.yaml",
        )
        assert (found.count, found.is_whole, found.faults) == (2, True, ())

    def test_no_folder_is_no_workflow(self, tmp_path: Path) -> None:
        assert not load(tmp_path.resolve()).there
        assert not loaded(tmp_path, {".github/workflows/README.md": ""}).there

    def test_a_bad_file_leaves_the_others_to_be_judged(self, tmp_path: Path) -> None:
        found = loaded(
            tmp_path,
            {
                RELEASE: GOOD,
                ".github/workflows/tab.yml": "on: push\njobs:\n\ta: b\n",
                ".github/workflows/latin.yml": b"name: a\non: \xff\n",
                ".github/workflows/huge.yml": b"#" + b"x" * 5_000_000,
                ".github/workflows/twice.yml": "on: push\non: push\njobs: {}\n",
                ".github/workflows/jobs.yml": "on: push\njobs:\n  a: b\n",
            },
        )
        assert faults(found) == [
            ".github/workflows/huge.yml:None: is larger than 1 MB, and was not judged",
            ".github/workflows/latin.yml:2: is not UTF-8",
            f".github/workflows/tab.yml:3: is not valid YAML: {TAB}",
            ".github/workflows/twice.yml:2: states on twice",
            ".github/workflows/jobs.yml:3: the job a is no mapping",
        ]
        assert RELEASE in found.model.workflows
        assert not found.is_whole

    def test_the_largest_file_is_read(self, tmp_path: Path) -> None:
        text = SMALL + "#" * (MAX_BYTES - len(SMALL))
        assert loaded(tmp_path, {RELEASE: text.encode()}).is_whole

    @pytest.mark.parametrize("change", [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
    ], ids=["a byte order mark", "line ends of Windows"])  # fmt: skip
    def test_how_a_file_was_saved_changes_nothing(
        self, tmp_path: Path, change: Callable[[str], bytes]
    ) -> None:
        plain_text = loaded(tmp_path / "a", {RELEASE: GOOD.encode()})
        found = loaded(tmp_path / "b", {RELEASE: change(GOOD)})
        assert found.faults == ()
        assert [
            (job.key, [(step.line, step.uses and step.uses.node.comment) for step in job.steps])
            for job in found.model.jobs()
        ] == [
            (job.key, [(step.line, step.uses and step.uses.node.comment) for step in job.steps])
            for job in plain_text.model.jobs()
        ]

    @pytest.mark.parametrize("make", [Path.touch, os.mkfifo])
    def test_what_is_no_folder_is_refused(
        self, tmp_path: Path, make: Callable[[Path], None]
    ) -> None:
        (tmp_path / ".github").mkdir()
        make(tmp_path / ".github/workflows")
        found = load(tmp_path.resolve())
        assert faults(found) == [".github/workflows:None: cannot be read: not a directory"]
        assert found.there

    def test_a_folder_that_leads_out_of_the_repository_is_refused(self, tmp_path: Path) -> None:
        outside, root = tmp_path / "outside", tmp_path / "root"
        write(outside, {"release.yml": GOOD})
        (root / ".github").mkdir(parents=True)
        (root / ".github/workflows").symlink_to(outside)
        found = load(root.resolve())
        assert faults(found) == [".github/workflows:None: leads out of the repository"]
        assert found.there
        assert found.model.workflows == {}

    def test_a_link_in_the_way_to_the_folder_is_refused(self, tmp_path: Path) -> None:
        outside, root = tmp_path / "outside", tmp_path / "root"
        write(outside, {"workflows/release.yml": GOOD})
        root.mkdir()
        (root / ".github").symlink_to(outside)
        assert faults(load(root.resolve())) == [
            ".github/workflows:None: leads out of the repository"
        ]

    def test_files_that_lead_out_or_nowhere_are_refused(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        write(root, {RELEASE: GOOD})
        (tmp_path / "out.yml").write_text(SMALL)
        (root / ".github/workflows/out.yml").symlink_to(tmp_path / "out.yml")
        (root / ".github/workflows/gone.yml").symlink_to("nowhere.yml")
        (root / ".github/workflows/self.yml").symlink_to("self.yml")
        os.mkfifo(root / ".github/workflows/pipe.yml")
        (root / ".github/workflows/folder.yml").mkdir()
        found = load(root.resolve())
        assert tuple(found.model.workflows) == (RELEASE,)
        assert [fault.split(": ", 1)[0] for fault in faults(found)] == [
            f".github/workflows/{name}.yml:None"
            for name in ("folder", "gone", "out", "pipe", "self")
        ]
        assert str(tmp_path) not in str(faults(found))

    def test_a_link_inside_the_repository_is_followed(self, tmp_path: Path) -> None:
        root = tmp_path.resolve()
        write(root, {"ci/release.yml": GOOD, ".github/workflows/a.yml": SMALL})
        (root / RELEASE).symlink_to(root / "ci/release.yml")
        assert RELEASE in load(root).model.workflows

    def test_a_name_that_cannot_be_printed_is_refused_and_shown_harmlessly(
        self, tmp_path: Path
    ) -> None:
        root = tmp_path.resolve()
        write(root, {RELEASE: GOOD})
        (root / ".github/workflows/\x1b[31m\n.yml").write_text(SMALL)
        os.close(os.open(os.fsencode(root) + b"/.github/workflows/\xff.yml", os.O_CREAT))
        found = load(root)
        assert len(found.faults) == 2
        assert all(fault.path and fault.path.isprintable() for fault in found.faults)
        assert tuple(found.model.workflows) == (RELEASE,)

    def test_scripts_and_actions_outside_are_not_read(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        used = ("run: bash ../outside.sh", "run: bash link.sh", "uses: ./../action")
        steps = "".join(f"      - {text}\n" for text in used)
        write(root, {RELEASE: SMALL + steps})
        (tmp_path / "outside.sh").write_text("twine upload dist/*\n")
        write(tmp_path, {"action/action.yml": "runs: {steps: [{run: uv publish}]}\n"})
        (root / "link.sh").symlink_to(tmp_path / "outside.sh")
        (root / ".github/actions").symlink_to(tmp_path / "action")
        found = load(root.resolve())
        assert found.model.sources == {}
        assert faults(found) == [".github/actions:None: leads out of the repository"]

    def test_actions_below_their_folder_are_found(self, tmp_path: Path) -> None:
        text = "name: A\nruns:\n  using: composite\n  steps: []\n"
        found = loaded(
            tmp_path,
            {
                RELEASE: SMALL,
                "action.yml": text,
                ".github/actions/a/b/action.yaml": text,
                ".github/actions/c/action.yml": "a: [\n",
            },
        )
        assert list(found.model.actions) == ["action.yml", ".github/actions/a/b/action.yaml"]
        assert [fault.path for fault in found.faults] == [".github/actions/c/action.yml"]


class TestShell:
    def test_without_its_reader_nothing_is_judged(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing() -> Path:
            raise CannotCheck("shfmt is not installed", "install it")

        monkeypatch.setattr(shell, "program", missing)
        monkeypatch.setattr(shell, "_known", {})
        with pytest.raises(CannotCheck, match="shfmt"):
            loaded(tmp_path, {RELEASE: SMALL})

    def test_all_texts_of_the_workflows_are_read_at_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ran: list[bytes] = []
        run = shell._run

        def counted(data: bytes) -> subprocess.CompletedProcess[bytes]:
            ran.append(data)
            return run(data)

        monkeypatch.setattr(shell, "_run", counted)
        monkeypatch.setattr(shell, "_known", {})
        model({RELEASE: SMALL + "".join(f"      - run: echo {n}\n" for n in range(50))})
        assert len(ran) == 1


class TestModel:
    @pytest.mark.slow
    def test_scripts_that_call_each_other_without_end_are_cut_short(self) -> None:
        faults: list[Finding] = []
        calls = "".join(f"bash {name}.sh\n" for name in "abcdefgh")
        files = {f"{name}.sh": calls for name in "abcdefgh"}
        node, _ = parse(SMALL.replace("echo", "bash a.sh"), RELEASE)
        build({RELEASE: node}, {}, files.get, faults)
        assert "not all were judged" in faults[0].message

    def test_a_script_is_found_from_the_folder_of_its_step(self) -> None:
        text = SMALL + "      - run: ./go.sh\n        working-directory: ci\n"
        found = model({RELEASE: text, "ci/go.sh": "twine upload x\n"})
        step = found.workflows[RELEASE].jobs["a"].steps[1]
        assert [(c.words, c.path, c.line, c.via) for c in step.commands] == [
            (("./go.sh",), RELEASE, 7, ""),
            (("twine", "upload", "x"), "ci/go.sh", 1, "ci/go.sh"),
        ]

    def test_a_step_in_python_is_read_as_python(self) -> None:
        text = SMALL + (
            "      - shell: python\n        run: |\n          import os\n"
            "          os.system('twine upload x')\n"
        )
        (command,) = model({RELEASE: text}).workflows[RELEASE].jobs["a"].steps[1].commands
        assert (command.words, command.line) == (("twine", "upload", "x"), 10)


@given(st.text())
@settings(max_examples=100)
def test_what_is_shown_is_short_and_on_one_printable_line(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text)) <= MAX_SHOWN + 1
