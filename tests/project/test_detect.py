"""What a repository shows of how it is checked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from release.project import Project, read_project, tox
from release.project.behind import judges
from release.project.detect import Detected, detect
from tests.support import git, write

BASE = '[project]\nname = "small-thing"\nversion = "1"\n'
HERE = f"3.{sys.version_info.minor}"
TOX = {"tox.ini": "[testenv]\ncommands = pytest\n"}
NOX = {"noxfile.py": "import nox\n\n@nox.session\ndef tests(session): ...\n"}
UV = {"uv.lock": "version = 1\n"}
MAKE = {"Makefile": "test typecheck lint docs:\n\tpytest\n"}


def project(root: Path, files: Mapping[str, str] | None = None, table: str = "") -> Project:
    package = {"src/small_thing/__init__.py": ""}
    write(root, {**package, "pyproject.toml": (BASE + table).encode(), **(files or {})})
    return read_project(root)


def workflow(run: str, *, job: str = "", step: str = "", top: str = "on: [push]") -> dict[str, str]:
    """A workflow whose second step runs a command, at line 7 unless something is above it."""
    lines = [top, "jobs:", "  test:", "    runs-on: ubuntu-latest"]
    lines += [f"    {line}" for line in job.splitlines()]
    lines += ["    steps:", "      - uses: actions/checkout@v4", f"      - run: {run}"]
    lines += [f"        {line}" for line in step.splitlines()]
    return {".github/workflows/ci.yml": "\n".join(lines) + "\n"}


def found(root: Path, files: Mapping[str, str], table: str = "") -> Detected | None:
    return detect(project(root, files, table), "test")


class TestOwnCommands:
    @pytest.mark.parametrize(
        ("run", "files", "wanted", "install"),
        [
            ("tox -e py", {}, "tox -e py", ["tox"]),
            (f"tox run -e py{HERE.replace('.', '')}", {}, None, ["tox"]),
            (f"tox -e py{HERE},unit-tests", {}, None, ["tox"]),
            ("python -m tox -e test -- -x", {}, "tox -e test -- -x", ["tox"]),
            ("uvx --with tox-uv tox -e py", {}, "tox -e py", ["tox", "tox-uv"]),
            ("pipx run tox -e py", {}, "tox -e py", ["tox"]),
            ("tox", TOX, "tox -e py", ["tox"]),
            ("tox", {"tox.toml": '[env_run_base]\ncommands = [["pytest"]]\n'}, "tox -e py",
             ["tox"]),
            ("nox -s tests", NOX, None, ["nox"]),
            (f"nox --session=tests-{HERE}", NOX, None, ["nox"]),
            ("hatch test", {}, None, ["hatch"]),
            ("hatch run dev:test-cov", {}, None, ["hatch"]),
            ("uv run pytest -x", UV, None, []),
            ("uv run --group test python -m pytest", UV, None, []),
            ("uv run -m pytest", UV, None, []),
            ("uv run --only-group tox tox -e py", UV, None, []),
            ("make test", MAKE, None, []),
        ],
    )  # fmt: skip
    def test_what_ci_runs_is_taken(
        self,
        tmp_path: Path,
        run: str,
        files: dict[str, str],
        wanted: str | None,
        install: list[str],
    ) -> None:
        one = found(tmp_path, {**workflow(run), **files})
        assert one is not None
        assert one.run == (tuple((wanted or run).split()),)
        assert one.install == tuple(install)
        assert one.project is run.startswith("make")

    @pytest.mark.parametrize(
        ("run", "files"),
        [
            ("pytest", {}),
            ("tox -e lint", {}),
            ("tox -e py,docs", {}),
            ("tox -e py27", {}),
            ("tox", {}),
            ("tox -p", TOX),
            (
                "tox -e coverage --skip-pkg-install",
                {"tox.toml": '[env.coverage]\ncommands = [["coverage", "combine"]]\n'},
            ),
            ("tox -e cov", {"tox.ini": "[testenv:cov]\ncommands = coverage combine\n"}),
            ("nox", NOX),
            ("nox -s tests", {}),
            ("nox -s tests lint", NOX),
            ("nox -s tests-3.2", NOX),
            ("hatch test --all", {}),
            ("hatch run lint", {}),
            ("uv run pytest", {}),
            ("uv run --python 3.2 pytest", UV),
            ("uv run ruff check", UV),
            ("make test", {}),
            ("make deploy", MAKE),
            ("make test", {"Makefile": "test:\n\tnox -s test\n"}),
        ],
    )
    def test_what_does_other_work_or_is_not_all_there_is_left(
        self, tmp_path: Path, run: str, files: dict[str, str]
    ) -> None:
        one = found(tmp_path, {**workflow(run), **files})
        assert one is None or one.origin == "noxfile.py:4 defines it"

    @pytest.mark.parametrize(
        "run",
        [
            "tox -e ${{ matrix.env }}",
            "tox -e $TOXENV",
            "tox -e py || true",
            "tox -e py > log",
            "tox -e py | tee log",
            "tox -e py &",
            "pip install tox && tox -e py",
            "TOKEN=x tox -e py",
            "tox -e py -- tests/test_*.py",
            "tox -e py -- --junitxml=report.xml",
            "(tox -e py)",
            "|\n          cd sub\n          tox -e py",
            "|\n          export TOKEN=x\n          tox -e py",
            "tox -e py `pwd`",
        ],
    )
    def test_what_needs_a_shell_or_the_forge_is_not_taken(self, tmp_path: Path, run: str) -> None:
        quoted = run if run.startswith("|\n") else f"'{run}'"
        assert found(tmp_path, workflow(quoted)) is None

    @pytest.mark.parametrize(
        "about",
        [
            {"job": "services:\n  db:\n    image: postgres"},
            {"job": "container: python"},
            {"job": "environment: pypi"},
            {"job": "if: github.event_name == 'push'"},
            {"job": "defaults:\n  run:\n    working-directory: sub"},
            {"job": "env:\n  TOKEN: ${{ secrets.TOKEN }}"},
            {"step": "env:\n  TOKEN: ${{ secrets.TOKEN }}"},
            {"step": "working-directory: sub"},
            {"step": "if: matrix.slow"},
            {"step": "env: ${{ matrix.env }}"},
            {"step": "continue-on-error: true"},
            {"step": "shell: pwsh"},
            {"job": "continue-on-error: true"},
            {"top": "on:\n  schedule:\n    - cron: '0 0 * * *'"},
            {"top": "on: release"},
            {"top": "on: {push: {tags: ['v*']}, release: {}}"},
        ],
    )
    def test_what_hangs_on_its_surroundings_is_not_taken(
        self, tmp_path: Path, about: dict[str, str]
    ) -> None:
        assert found(tmp_path, workflow("tox -e py", **about)) is None


class TestTypecheck:
    @pytest.mark.parametrize(
        "run",
        [
            "tox -e mypy",
            "tox -e py3-typing",
            "hatch run types:check",
            "uv run mypy src",
            "uv run ty check",
            "make typecheck",
        ],
    )
    def test_what_ci_runs_is_taken(self, tmp_path: Path, run: str) -> None:
        one = detect(project(tmp_path, {**workflow(run), **UV, **MAKE}), "typecheck")
        assert one is not None
        assert one.run == (tuple(run.split()),)

    @pytest.mark.parametrize(
        "run", ["tox", "tox -e py", "hatch test", "hatch run types:test", "uv run pytest", "mypy ."]
    )
    def test_what_tests_is_left(self, tmp_path: Path, run: str) -> None:
        assert detect(project(tmp_path, {**workflow(run), **UV, **TOX}), "typecheck") is None


HOOKS = ".pre-commit-config.yaml"
FETCHED = {HOOKS: "repos:\n- {repo: https://example.org/x, rev: v1, hooks: [{id: x}]}\n"}


def committed(root: Path, files: Mapping[str, str]) -> Project:
    git(root, "init", "--quiet")
    return project(root, files)


class TestMatrix:
    @pytest.mark.parametrize(
        ("run", "wanted"),
        [
            ("tox run -e py${{ matrix.python-version[1] }}", "tox run -e py"),
            ("nox -s tests-${{ matrix.python }} --verbose", f"nox -s tests-{HERE} --verbose"),
            (
                "hatch run +py=${{ matrix.py || matrix.python-version }} test:with-coverage",
                f"hatch run +py={HERE} test:with-coverage",
            ),
        ],
    )
    def test_this_python_stands_for_those_of_the_matrix(
        self, tmp_path: Path, run: str, wanted: str
    ) -> None:
        one = found(tmp_path, {**workflow(run), **NOX})
        assert one is not None
        assert one.run == (tuple(wanted.split()),)


class TestLint:
    @pytest.mark.parametrize(
        "run",
        [
            "tox -e lint",
            "tox run -e pep8",
            "nox -s lint",
            "hatch run style:check",
            "hatch fmt --check",
            "uv run ruff check",
            "uv run pre-commit run --all-files",
            "pre-commit run -a --show-diff-on-failure",
            "prek run --all-files",
            "make lint",
        ],
    )
    def test_what_ci_runs_is_taken(self, tmp_path: Path, run: str) -> None:
        nox = {"noxfile.py": "import nox\n\n@nox.session\ndef lint(session): ...\n"}
        files = {**workflow(run), **UV, **MAKE, **nox, **FETCHED}
        one = detect(committed(tmp_path, files), "lint")
        assert one is not None
        assert one.run == (tuple(run.split()),)
        assert one.env.get("SKIP") == ("no-commit-to-branch" if "pre" in run else None)

    @pytest.mark.parametrize(
        "run",
        ["hatch fmt", "uv run ruff format", "uv run ruff check --fix", "pre-commit run",
         "tox --notest -e lint", "ruff check", "black src", "isort ."],
    )  # fmt: skip
    def test_what_mends_or_does_not_judge_all_is_left(self, tmp_path: Path, run: str) -> None:
        assert detect(committed(tmp_path, {**workflow(run), **UV}), "lint") is None

    def test_all_that_ci_runs_counts(self, tmp_path: Path) -> None:
        run = "|\n          uv run ruff check\n          uv run ruff format --check"
        one = detect(project(tmp_path, {**workflow(run), **UV}), "lint")
        assert one is not None
        place = ".github/workflows/ci.yml"
        assert one.told == (
            f"uv run ruff check, uv run ruff format --check, as {place}:8 and {place}:9 run them"
        )

    def test_linters_that_ci_calls_itself_are_taken_in_the_version_that_it_pins(
        self, tmp_path: Path
    ) -> None:
        run = "|\n          pip install black==24.1.0 flake8\n          python -m flake8 src"
        run += "\n          black --check .\n          ruff check"
        table = '[dependency-groups]\ndev = ["flake8>=7", "pep8-naming"]\n'
        one = detect(project(tmp_path, workflow(run), table), "lint")
        assert one is not None
        assert one.shown == "flake8 src, black --check ., ruff check"
        assert one.install == ("flake8>=7", "pep8-naming", "black==24.1.0", "ruff")

    def test_its_action_stands_for_its_command(self, tmp_path: Path) -> None:
        step = workflow("true")[".github/workflows/ci.yml"].replace(
            "run: true", "uses: pre-commit/action@v3\n        if: always()"
        )
        one = detect(committed(tmp_path, {".github/workflows/ci.yml": step, **FETCHED}), "lint")
        assert one is not None
        assert one.told.startswith("pre-commit run --all-files, as .github/workflows/ci.yml:7 runs")

    def test_hooks_that_are_fetched_are_its_lint_where_ci_shows_none(self, tmp_path: Path) -> None:
        skip = {HOOKS: f"{FETCHED[HOOKS]}ci: {{skip: [mypy]}}\n"}
        one = detect(committed(tmp_path, skip), "lint")
        assert one is not None
        assert one.told == f"pre-commit run --all-files, as {HOOKS} says"
        assert one.env == {"SKIP": "no-commit-to-branch,mypy"}

    @pytest.mark.parametrize(
        "files",
        [
            {HOOKS: "repos:\n- {repo: local, hooks: [{id: x}]}\n"},
            {HOOKS: "repos: [\n"},
            {HOOKS: "[]"},
            {**FETCHED, **workflow("ruff check .")},
        ],
    )
    def test_other_hooks_are_not(self, tmp_path: Path, files: dict[str, str]) -> None:
        assert detect(committed(tmp_path, files), "lint") is None

    def test_hooks_need_git(self, tmp_path: Path) -> None:
        assert detect(project(tmp_path, FETCHED), "lint") is None


class TestDocs:
    @pytest.mark.parametrize(
        "run",
        [
            "tox -e docs",
            "nox -s build-docs",
            "hatch run docs:build",
            "uv run mkdocs build --strict",
            "uv run sphinx-build docs out",
            "make docs",
            "make -C docs html SPHINXOPTS=-W",
        ],
    )
    def test_what_ci_runs_is_taken(self, tmp_path: Path, run: str) -> None:
        nox = {"noxfile.py": "import nox\n\n@nox.session(name='build-docs')\ndef b(s): ...\n"}
        files = {**workflow(run), **UV, **MAKE, **nox, "docs/Makefile": "html:\n\tsphinx\n"}
        one = detect(project(tmp_path, files), "docs")
        assert one is not None
        assert one.run == (tuple(run.split()),)

    @pytest.mark.parametrize(
        "run", ["uv run mkdocs gh-deploy", "hatch run docs:deploy", "make -C ../docs html"]
    )
    def test_what_publishes_or_goes_elsewhere_is_left(self, tmp_path: Path, run: str) -> None:
        assert detect(project(tmp_path, {**workflow(run), **UV, **MAKE}), "docs") is None

    @pytest.mark.parametrize(
        ("text", "taken"), [("sphinx-build docs out", True), ("mkdocs serve", False)]
    )
    def test_a_session_or_environment_is_taken_by_its_name_unless_it_serves(
        self, tmp_path: Path, text: str, *, taken: bool
    ) -> None:
        nox = f"import nox\n\n@nox.session\ndef docs(session):\n    session.run('{text}')\n"
        assert bool(detect(project(tmp_path, {"noxfile.py": nox}), "docs")) is taken
        tox = {"noxfile.py": "", "tox.ini": f"[tox]\n[testenv:docs]\ncommands = {text}\n"}
        one = detect(project(tmp_path, tox), "docs")
        assert (one.told if one else None) == (
            "tox -e docs, as tox.ini:2 defines it" if taken else None
        )


def behind(command: str) -> dict[str, str]:
    """A target, a session, an environment and a script of the same name that run a command."""
    words = ", ".join(map(repr, command.split()))
    inner = f"import nox\n\ndef inner(session):\n    session.run({words})\n"
    return {
        "Makefile": f"docs: inner\n\ninner:\n\t@{command}\n",
        "noxfile.py": f"{inner}\n@nox.session\ndef docs(session):\n    inner(session)\n",
        "tox.ini": f"[testenv:inner]\ncommands = {command}\n"
        "[testenv:docs]\ncommands = {[testenv:inner]commands}\n",
        "hatch.toml": f"[envs.docs.scripts]\nbuild = ['inner']\ninner = '{command}'\n",
        **UV,
    }


class TestBehind:
    """What a target, a session, an environment or a script runs tells whether it is a check."""

    RUNS = ("make docs", "nox -s docs", "tox -e docs", "hatch run docs:build", "uv run make docs")

    @pytest.mark.parametrize("run", RUNS)
    @pytest.mark.parametrize("command", ["mkdocs gh-deploy --force", "sphinx-build --version"])
    def test_what_publishes_or_cannot_fail_is_left(
        self, tmp_path: Path, run: str, command: str
    ) -> None:
        assert detect(project(tmp_path, {**workflow(run), **behind(command)}), "docs") is None

    @pytest.mark.parametrize(
        "command",
        [
            "ghp-import -p site",
            "git push origin gh-pages",
            "rsync -a site/ www.example.org:/srv",
            "npm publish",
            "twine upload dist/*",
            "curl -T site.zip https://example.org",
            "gh release upload v1 site.zip",
            "gh pr create",
            "curl -XPOST https://example.org",
            "curl --data-binary @site.zip https://example.org",
            "docker buildx build --push .",
            "/usr/bin/rsync -a site/ www.example.org:/srv",
        ],
    )
    def test_publishing_is_known(self, tmp_path: Path, command: str) -> None:
        assert not judges(project(tmp_path, behind(command)), ("make", "docs"))

    @pytest.mark.parametrize(
        "command",
        ["pytest -m 'not upload'", "ruff check src deploy", "ruff --version && ruff check src"],
    )
    def test_a_check_of_what_is_called_like_that_is_taken(
        self, tmp_path: Path, command: str
    ) -> None:
        files = {"Makefile": f"docs:\n\t{command}\n"}
        assert judges(project(tmp_path, files), ("make", "docs"))

    @pytest.mark.parametrize("command", ["pytest && twine upload x", "ruff check; git push"])
    def test_what_publishes_after_a_check_is_known(self, tmp_path: Path, command: str) -> None:
        files = {"Makefile": f"docs:\n\t{command}\n"}
        assert not judges(project(tmp_path, files), ("make", "docs"))

    @pytest.mark.parametrize(
        "text",
        [
            "docs:\n\t$(MAKE) there\nthere:\n\ttwine upload dist/*\n",
            "CMD := twine upload\ndocs:\n\t@$(CMD) dist/*\n",
            "include docs.mk\n",
            "%:\n\tgit push $@\n",
        ],
    )
    def test_what_a_makefile_hides_is_not_run(self, tmp_path: Path, text: str) -> None:
        assert not judges(project(tmp_path, {"Makefile": text}), ("make", "docs"))

    def test_the_makefile_of_sphinx_is_run(self, tmp_path: Path) -> None:
        text = "SPHINXBUILD ?= sphinx-build\n%: Makefile\n\t@$(SPHINXBUILD) -M $@ . _build $(O)\n"
        assert judges(project(tmp_path, {"docs/Makefile": text}), ("make", "-C", "docs", "html"))

    @pytest.mark.parametrize("run", RUNS)
    def test_what_has_another_meaning_is_taken(self, tmp_path: Path, run: str) -> None:
        files = {**workflow(run), **behind("mkdocs build --upload-date -d push/site")}
        assert detect(project(tmp_path, files), "docs") is not None

    @pytest.mark.parametrize(
        ("recipe", "taken"),
        [("ruff check || true", False), ("-ruff check", False), ("echo x; true", False),
         ("echo Linting\n\truff check", True), ("ruff check || exit 1", True)],
    )  # fmt: skip
    def test_a_recipe_whose_failure_is_ignored_is_left(
        self, tmp_path: Path, recipe: str, *, taken: bool
    ) -> None:
        make = {"Makefile": f"lint:\n\t{recipe}\n", **workflow("make lint")}
        assert bool(detect(project(tmp_path, make), "lint")) is taken

    @pytest.mark.parametrize(
        "files",
        [
            {"tox.ini": "[testenv:lint]\nignore_outcome = true\ncommands = ruff check\n"},
            {"tox.ini": "[testenv:lint]\ncommands =\n  - ruff check\n  pylint --fail-under=0\n"},
            {"hatch.toml": "[envs.lint.scripts]\ncheck = '- ruff check'\n",
             **workflow("hatch run lint:check")},
            {"noxfile.py": "import nox\n\n@nox.session\ndef lint(session):\n"
             "    session.run('ruff', 'check', success_codes=[0, 1])\n"},
        ],
    )  # fmt: skip
    def test_one_whose_outcome_is_ignored_is_left(
        self, tmp_path: Path, files: dict[str, str]
    ) -> None:
        assert detect(project(tmp_path, files), "lint") is None

    @pytest.mark.parametrize("option", ["--exit-zero", "--version"])
    def test_a_command_that_cannot_fail_is_left(self, tmp_path: Path, option: str) -> None:
        files = {**workflow(f"uv run ruff check {option}"), **UV}
        assert detect(project(tmp_path, files), "lint") is None


class TestFlake8:
    @pytest.mark.parametrize("path", [".flake8", "setup.cfg", "tox.ini"])
    def test_where_it_is_configured_and_nothing_calls_it(self, tmp_path: Path, path: str) -> None:
        files = {path: "[metadata]\n[flake8]\nmax-line-length = 90\n"}
        one = detect(project(tmp_path, files), "lint")
        assert one is not None
        assert (one.told, one.promised) == (f"flake8, as {path}:2 configures it", False)

    def test_who_lists_it_with_its_plug_ins_promises_to_heed_it(self, tmp_path: Path) -> None:
        table = '[dependency-groups]\ndev = ["flake8>=7", "flake8-bugbear"]\n'
        one = detect(project(tmp_path, {".flake8": "[flake8]\n"}, table), "lint")
        assert one is not None
        assert (one.install, one.promised) == (("flake8>=7", "flake8-bugbear"), True)

    @pytest.mark.parametrize("other", [{"ruff.toml": ""}, {"tox.ini": "[testenv:lint]\n"}])
    def test_ruff_and_commands_go_before(self, tmp_path: Path, other: dict[str, str]) -> None:
        one = detect(project(tmp_path, {".flake8": "[flake8]\n", **other}), "lint")
        assert one is None or one.run == (("tox", "-e", "lint"),)


class TestTox:
    @pytest.mark.parametrize(
        ("path", "text", "line"),
        [
            ("setup.cfg", "[tox:tox]\n[testenv:lint]\ncommands = ruff check\n", 2),
            ("tox.toml", '[env.lint]\ncommands = [["ruff", "check"]]\n', 1),
            ("pyproject.toml", BASE + '[tool.tox.env.lint]\ncommands = [["ruff", "check"]]\n', 4),
            ("pyproject.toml", BASE + "[tool.tox]\nlegacy_tox_ini = \"\"\"\n"
             "[testenv:lint]\ncommands = ruff check\n\"\"\"\n", 6),
        ],
    )  # fmt: skip
    def test_an_environment_is_found_in_each_of_its_files(
        self, tmp_path: Path, path: str, text: str, line: int
    ) -> None:
        one = detect(project(tmp_path, {path: text}), "lint")
        assert one is not None
        assert one.told == f"tox -e lint, as {path}:{line} defines it"

    def test_a_runner_of_uvs_brings_its_plugin(self, tmp_path: Path) -> None:
        text = (
            '[env_run_base]\nrunner = "uv-venv-lock-runner"\n[env.docs]\ncommands = [["mkdocs"]]\n'
        )
        one = detect(project(tmp_path, {"tox.toml": text}), "docs")
        assert one is not None
        assert one.install == ("tox", "tox-uv")


def test_each_linter_that_tox_runs_unasked_counts(tmp_path: Path) -> None:
    """Of tests and types one environment stands for all."""
    lists = "env_list = py{311,312}, pylint, pre-commit, mypy, typing"
    names = ("flake8", "pylint", "pre-commit", "mypy", "typing")
    text = f"[tox]\n{lists}\n" + "".join(f"[testenv:{one}]\ncommands = {one}\n" for one in names)
    one = project(tmp_path, {"tox.ini": text})
    lint, types = detect(one, "lint"), detect(one, "typecheck")
    assert lint is not None
    assert types is not None
    assert (lint.shown, types.shown) == ("tox -e pylint, tox -e pre-commit", "tox -e mypy")


class TestStaticAnalysis:
    def test_what_ci_runs_is_taken(self, tmp_path: Path) -> None:
        run = "|\n          tox -e bandit\n          uv run bandit -r src"
        one = detect(project(tmp_path, {**workflow(run), **UV}), "static_analysis")
        assert one is not None
        assert len(one.run or ()) == 2

    @pytest.mark.parametrize("line", ['tool = "ruff"', 'severity = "high"'])
    def test_a_table_that_says_how_is_heeded(self, tmp_path: Path, line: str) -> None:
        table = f"[tool.release.gates.static_analysis]\n{line}\n"
        one = project(tmp_path, workflow("tox -e bandit"), table)
        assert detect(one, "static_analysis") is None


class TestOrigin:
    def test_it_is_the_line_of_the_command(self, tmp_path: Path) -> None:
        one = found(tmp_path, workflow("tox -e py"))
        assert one is not None
        assert one.told == "tox -e py, as .github/workflows/ci.yml:7 runs it"

    def test_it_is_the_line_in_a_block_of_several(self, tmp_path: Path) -> None:
        text = "|\n          pip install tox\n          python -m tox -e py"
        one = found(tmp_path, workflow(text))
        assert one is not None
        assert one.told == "tox -e py, as .github/workflows/ci.yml:9 runs python -m tox -e py"

    def test_ci_goes_before_a_session_and_tox_before_make(self, tmp_path: Path) -> None:
        make = workflow("|\n          make test\n          tox -e py")
        one = found(tmp_path, {**make, **MAKE, **NOX})
        assert one is not None
        assert one.run == (("tox", "-e", "py"),)
        assert one.origin == ".github/workflows/ci.yml:9 runs it"

    def test_a_session_that_is_named_like_the_gate_needs_no_workflow(self, tmp_path: Path) -> None:
        text = "import nox\n\n\n@nox.session(name='unit-tests')\ndef unit(session): ...\n"
        one = found(tmp_path, {"noxfile.py": text})
        assert one is not None
        assert one.told == "nox -s unit-tests, as noxfile.py:5 defines it"

    def test_sessions_of_this_package_are_not_the_projects_own(self, tmp_path: Path) -> None:
        text = "from release.sessions import Sessions\n\nSessions(__file__).gate('test')\n"
        assert found(tmp_path, {**workflow("nox -s test"), "noxfile.py": text}) is None

    @pytest.mark.parametrize("text", ["jobs: [", "on: push\njobs: {a: 1, b: {steps: 3}}", "[]", ""])
    def test_a_workflow_that_says_nothing_is_passed_over(self, tmp_path: Path, text: str) -> None:
        broken = {".github/workflows/a.yml": text}
        one = found(tmp_path, {**broken, **workflow("tox -e py"), "noxfile.py": "def broken("})
        assert one is not None


class TestSettings:
    @pytest.mark.parametrize(
        "line", ['run = ["pytest"]', 'install = ["x"]', "groups = []", "extras = []"]
    )
    def test_what_a_table_says_of_its_commands_or_environment_is_all(
        self, tmp_path: Path, line: str
    ) -> None:
        table = f"[tool.release.gates.test]\n{line}\n"
        assert found(tmp_path, workflow("tox -e py"), table) is None

    def test_the_rest_of_a_table_counts(self, tmp_path: Path) -> None:
        table = "[tool.release.gates.test]\ntimeout = 7\nvalid-hours = 3\nenv = {A = '1'}\n"
        env = "env:\n  A: '2'\n  B: '3'\n  FORCE_COLOR: '1'"
        one = found(tmp_path, workflow("tox -e py", job=env), table)
        assert one is not None
        assert (one.timeout, one.valid_hours) == (7, 3)
        assert one.env == {"A": "1", "B": "3"}

    def test_the_lock_counts_as_it_is_unless_the_command_says_so(self, tmp_path: Path) -> None:
        one = found(tmp_path, {**workflow("uv run pytest"), **UV})
        assert one is not None
        assert one.env == {"UV_FROZEN": "1"}
        one = found(tmp_path, {**workflow("uv run --locked pytest"), **UV})
        assert one is not None
        assert one.env == {}

    def test_a_runner_is_the_one_that_the_project_requires(self, tmp_path: Path) -> None:
        table = '[dependency-groups]\ndev = ["tox>=4.20,<5"]\n'
        one = found(tmp_path, workflow("tox -e py"), table)
        assert one is not None
        assert one.install == ("tox>=4.20,<5",)

    def test_a_gate_that_is_not_detected_keeps_its_default(self, tmp_path: Path) -> None:
        assert detect(project(tmp_path, workflow("tox -e py")), "build") is None


class TestHooksOfPreCommit:
    @pytest.mark.parametrize("there", [True, False])
    def test_they_are_run_by_tox_only_where_they_are_configured(
        self, tmp_path: Path, *, there: bool
    ) -> None:
        files = {
            "tox.ini": "[tox]\nenvlist = style\n[testenv:style]\ncommands = pre-commit run -a\n"
        }
        files |= {".pre-commit-config.yaml": "repos: []\n"} if there else {}
        assert judges(project(tmp_path, files), ("tox", "-e", "style")) is there


class TestHostileFiles:
    """What a repository may hold in the place of a file that tells commands."""

    @pytest.mark.parametrize(
        "name", ["tox.ini", "tox.toml", "noxfile.py", "Makefile", "hatch.toml"]
    )
    def test_a_device_is_not_read(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).symlink_to("/dev/zero")
        files = workflow("tox -e lint\nnox -s lint\nmake lint\nhatch run lint")
        assert detect(project(tmp_path, files), "lint") is None

    def test_references_and_braces_do_not_multiply(self) -> None:
        text = "[x]\nv = " + "a" * 5000 + "\n[testenv:a]\ncommands = " + "{[x]v}" * 5000
        ((_, table),) = tox.read(text, "tox.ini")
        assert len(table["commands"]) < 2 << 20
        assert tox.expanded("a-{b,c}, d" + "," * 100_000) == ["a-b", "a-c", "d"]
        assert tox.expanded("{a,b}" * 100_000) == ["{a,b}" * 100_000]

    def test_a_line_that_is_too_long_is_not_run(self, tmp_path: Path) -> None:
        files = {"Makefile": "docs:\n\t" + "curl " * 50_000}
        assert not judges(project(tmp_path, files), ("make", "docs"))
