"""Shell texts as commands, and what the commands do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.gates.workflows.commands import (
    builds,
    calls,
    is_upload,
    normal,
    obscure,
    program,
    script,
    uploads,
)
from release.gates.workflows.flow import split
from release.gates.workflows.targets import of_makefile, of_noxfile, of_tasks
from release.text.shell import read_all
from tests.support import INDEX_HOST

INDEX = f"upload.{INDEX_HOST}"


def words(text: str) -> list[str]:
    return [" ".join(command.words) for command in split(text, "x", 1)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a b\nc", ["a b", "c"]),
        ("a && b || c; d | e & f", ["a", "b", "c", "d", "e", "f"]),
        ("a 'b; c' \"d && e\" f\\ g", ["a b; c d && e f g"]),
        ("a \\\n  b", ["a b"]),
        ("a # b; c\n# d\ne#f", ["a", "e#f"]),
        ("a 2>&1 &> b", ["a 2>&1 &> b"]),
        ("x=$(a b) c", ["x=$(a b) c", "a b"]),
        ('a "$(b "$(c d)" e)" f', ['a $(b "$(c d)" e) f', "b $(c d) e", "c d"]),
        ("a `b c`", ["a `b c`", "b c"]),
        ("a ${{ b && c }} d", ["a ${{ b && c }} d"]),
        ("a ${b:-c d} e", ["a ${b:-c d} e"]),
        ("(a; b)", ["a", "b"]),
        ("if a; then b; fi", ["a", "b"]),
        ("[[ $a =~ (b|c) ]] && d", ["[[ $a =~ (b|c) ]]", "d"]),
        ("a <<EOF\ntwine upload\nEOF\nb", ["a", "b"]),
        ("a <<-'E F' b\n\ttwine upload\n\tE F\nc", ["a b", "c"]),
        ("a <<<b c", ["a <<<b c"]),
        ("a 'open\nb", ["? a 'open\nb"]),
        ("", []),
    ],
)
def test_a_shell_text_is_split_into_its_commands(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_commands_know_their_lines_and_what_stands_before_them() -> None:
    found = split("a\n\nb 'x\ny' \\\n z || true\n<<E c\n1\nE\nd\n", "f", 10)
    assert [(c.words[0], c.line, c.operator) for c in found] == [
        ("a", 10, ""),
        ("b", 12, ""),
        ("true", 14, "||"),
        ("c", 15, ""),
        ("d", 18, ""),
    ]


@pytest.mark.parametrize(
    "text", ['"$(' * 20_000, "$(" * 50_000, "(" * 200_000, "a <<E\n" * 20_000, "${{" * 50_000,
             "'" * 99_999, "`" * 99_999, "\\\n" * 100_000, "a b " * 100_000, "{ " * 20_000,
             "(" * 60_000, "a && " * 12_000 + "a", "if a; then " * 6_000, "a b " * 15_000]
)  # fmt: skip
def test_hostile_texts_take_time_in_proportion(text: str) -> None:
    split(text, "x", 1)


@given(st.lists(st.text("ab \n\t'\"`$(){}[]<>|&;#\\=E-", max_size=60), min_size=20, max_size=40))
@settings(max_examples=10, deadline=None)
def test_any_text_is_split_and_its_commands_are_understood(texts: list[str]) -> None:
    read_all(texts)
    for text in texts:
        for command in split(text, "x", 1):
            assert command.words
            assert 1 <= command.line <= text.count("\n") + 1
            assert uploads(command.words) in (True, False)
            list(calls(command.words))
            normal(script(command.words))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1 sudo -E -u root twine upload", "twine upload"),
        ("timeout -k 5 5m nice -n 3 twine upload", "twine upload"),
        ("env -i A=1 stdbuf -oL time -p twine upload", "twine upload"),
        ("command -v twine", "command -v twine"),
        ("$PYTHON -m twine upload", "twine upload"),
        ("$(PYTHON) -W ignore -mtwine upload", "twine upload"),
        ("{envpython} -Im twine upload", "twine upload"),
        ("? -m twine upload", "twine upload"),
        ("$(TWINE) upload", "twine upload"),
        ("${UV:-uv} publish", "uv publish"),
        ("uv --cache-dir .c run twine upload", "twine upload"),
        ("nice " * 100 + "x", "nice " * 69 + "nice x"),
        ("env A=1 twine upload", "twine upload"),
        ("python3.12 -I -m twine upload", "twine upload"),
        (".venv/bin/python -m twine upload", "twine upload"),
        ("uv run --with twine --no-project twine upload", "twine upload"),
        ("uv run -m twine upload", "twine upload"),
        ("uvx --from x twine@6.1 upload", "twine upload"),
        ("uv tool run twine upload", "twine upload"),
        ("pipx run --spec twine==6 twine upload", "twine upload"),
        ("find dist -type f -exec twine upload {}", "twine upload {}"),
        ("xargs -n 1 twine upload", "twine upload"),
        ("${BIN}twine upload", "twine upload"),
        ("A=1", ""),
        ("uv run", ""),
    ],
)
def test_the_program_is_what_is_run_in_the_end(text: str, found: str) -> None:
    assert " ".join(program(text.split())) == found


@pytest.mark.parametrize(
    "text",
    [
        "twine upload dist/*", "uv --quiet publish", "poetry publish --build", "hatch publish",
        "flit publish", "pdm publish", "maturin upload x", "setup.py sdist upload",
        "python setup.py sdist upload", "curl -F :action=file_upload https://x",
        "python -m hatchling publish", "twine.exe upload x", "uv --cache-dir .c publish",
        "poetry -C . publish", "flit --repository pypi publish", "twine upload dist/pytest-pypi*",
        "twine upload -r pypi --comment testpypi x", "twine upload -r $TESTPYPI x",
        "uv publish --publish-url https://index.example/?x=testpypi",
        "twine upload -r testpypi -r pypi x",
    ],
)  # fmt: skip
def test_uploads_are_known(text: str) -> None:
    assert uploads(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "twine upload -r testpypi x", "twine upload -rtest-pypi x", "hatch publish -r test",
        "uv publish --publish-url=https://test.pypi.example/legacy/",
        "TWINE_REPOSITORY=testpypi twine upload x", "uv publish --index test_pypi",
        "uv publish --dry-run",
    ],
)  # fmt: skip
def test_uploads_for_tests_are_none(text: str) -> None:
    assert not uploads(text.split())
    assert is_upload(program(text.split()))


@pytest.mark.parametrize(
    "text",
    [
        "docker run x twine upload dist/*", "retry 3 uv publish", "x='twine upload'",
        "$t upload dist/*", "parallel twine --verbose upload", f"curl https://{INDEX}/legacy/ -F x",
        "perl -e x <<E\nsystem('twine upload x')\nE",
    ],
)  # fmt: skip
def test_what_may_publish_is_obscure(text: str) -> None:
    assert any(obscure(command) for command in split(text, "x", 1))


@pytest.mark.parametrize(
    "text",
    [
        "echo twine upload", "grep 'uv publish' x", "twine upload -r testpypi x",
        "uv publish --dry-run", "uv run mkdocs build # publish", "uv run publish.py",
        "cat > x <<E\ntwine upload\nE", "x=$(uv publish --dry-run)", "npm publish",
        "pip install twine", "actions upload", "uv run publish-docs",
    ],
)  # fmt: skip
def test_what_publishes_nothing_is_not_obscure(text: str) -> None:
    assert not any(obscure(command) for command in split(text, "x", 1))


@pytest.mark.parametrize(
    "text",
    [
        "echo $'it\\'s time'\ntwine upload x",
        'y=${x:-"a}b"}\ntwine upload x',
        "cat <<E\n$(twine upload x)\nE",
        "cat <<A <<'B'\n$(twine upload x)\nA\n'\nB",
        "cat <<'A' <<B; true\n'\nA\n\"\nB\ntwine upload x",
        "cat <<E 2>&1 | tee y\n'\nE\ntwine upload x",
        "case x in a) b ;& c) twine upload x ;;& *) d; esac",
        "while case x in y) true;; esac do twine upload x; done",
        "if ! a; then :; elif twine upload x; then b; fi",
        "until twine upload x; do a; done",
        "up() { twine upload x; }\nup",
        "function up { twine upload x; }; up",
        "coproc twine upload x",
        "for y in $(twine upload x); do a; done",
        "case $(twine upload x) in a) ;; esac",
        "[[ $(twine upload x) == a ]]",
        "(( $(twine upload x) ))",
        "export A=$(twine upload x)",
        "a > >(twine upload x)",
        "a <<< $(twine upload x)",
        "a=([1]=$(twine upload x))",
        "a ${b:-$(twine upload x)}",
        "echo $((1 + `twine upload x`))",
        "{ a; } > $(twine upload x)",
        "a && (b; ! time twine upload x) &",
        "$'tw\\x69ne' upload x",
        "tw''ine up\"load\" x",
        "twi\\\nne upload x",
        "select y in $(twine upload x); do a; done",
        "for ((i=$(twine upload x); i < 2; i++)); do a; done",
        "find . | xargs -n 1 nohup sudo -E env A=1 twine upload",
        "a\r\ntwine \\\r\nupload x\r\n",
        "echo ${{ a && '}} \"' }}\ntwine upload x",
        'echo "$(cat <<E\n$(twine upload x)\nE\n)"',
    ],
)
def test_an_upload_is_seen_whatever_syntax_is_around_it(text: str) -> None:
    assert any(uploads(command.words) for command in split(text, "x", 1))


@pytest.mark.parametrize(
    "text",
    [
        "cat <<'E'\n$(twine upload x)\nE", "echo 'a\ntwine upload x\n'", "# twine upload x",
        "a \\\n twine upload x", "[[ twine == upload ]]", "x='twine upload x'",
        "a=(twine upload x)",
        "echo \"\\$(twine upload x)\"", "case a in twine) upload x;; esac",
    ],
)  # fmt: skip
def test_a_text_that_only_names_an_upload_is_not_one(text: str) -> None:
    assert not any(uploads(command.words) for command in split(text, "x", 1))


def test_an_upload_behind_an_alias_is_obscure() -> None:
    assert any(map(obscure, split("alias t='twine upload'\nt x", "x", 1)))


def test_a_text_that_cannot_be_read_says_why_and_where() -> None:
    (command,) = split("a\nif b; then\nfi\n", "x", 10)
    assert command.unread.startswith("`then` must be followed by")
    assert (command.path, command.line) == ("x", 11)


def test_a_text_that_cannot_be_read_and_names_an_upload_is_obscure() -> None:
    assert any(map(obscure, split("if ($x) {\n  twine upload dist/*\n}", "x", 1)))


@pytest.mark.parametrize(
    "text",
    [
        "bash -c 'twine upload x'", "sh -euc \"twine upload x\"", "eval twine upload x",
        "bash <<E\ntwine upload x\nE", "cat <<E | sh\ntwine upload x\nE",
        "python - <<E\nimport os\nos.system('twine upload x')\nE",
        "python -c \"import subprocess; subprocess.run(['twine', 'upload', 'x'])\"",
        "echo 'twine upload x' | bash", "trap 'twine upload x' EXIT", "echo \"`twine upload x`\"",
        "bash -o pipefail -c 'timeout 5m twine upload x'",
        "eval 'eval \"twine upload x\"'", "sh -c \"sh -c 'twine upload x'\"",
        "cat <<E | bash -s\ntwine upload x\nE", "{ cat; } <<E | sh\ntwine upload x\nE",
        "(set -e; echo 'twine upload x') | bash", "echo 'twine upload x' | tee x | python -",
    ],
)  # fmt: skip
def test_an_upload_in_a_text_that_a_command_runs_is_seen(text: str) -> None:
    assert any(uploads(c.words) or obscure(c) for c in split(text, "x", 1))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("case x in *.whl|*.tar.gz) a ;; b|c) d;; esac; e | f",
         ["case x *.whl *.tar.gz b c", "a", "d", "e", "f"]),
        ("(( n == 2 )) && a", ["(( n == 2", "a"]),
        ("files=(a b)\nc", ["files=(a b)", "c"]),
        ("die() { a; }\ndie", ["function die", "a", "die"]),
        ("x=($(a b))", ["x=($(a b))", "a b"]),
    ],
)  # fmt: skip
def test_syntax_is_told_from_commands(text: str, found: list[str]) -> None:
    assert [" ".join(w.split()) for w in words(text)] == found


@pytest.mark.parametrize(
    "text",
    [
        "python -m build", "python -mbuild", "$PYTHON -m build", "timeout 5m python -m build",
        "poetry -C . build", "pyproject-build", "uv build", "hatch -v build", "flit build",
        "poetry build", "pdm build", "maturin build", "python setup.py bdist_wheel",
        "pip wheel .", "python -m cibuildwheel", "uvx --from build pyproject-build",
    ],
)  # fmt: skip
def test_builds_are_known(text: str) -> None:
    assert builds(text.split())
    assert not uploads(text.split())


def test_what_installs_a_builder_builds_nothing() -> None:
    assert not builds(["pip", "--quiet", "install", "wheel"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nox -s a b -- c", ["nox -s a", "nox -s b"]),
        ("nox -sa --report x", ["nox -s a"]),
        ("uv run nox --sessions=a", ["nox -s a"]),
        ("nox", ["nox -s "]),
        ("nox --install-only -s a", []),
        ("make", ["make "]),
        ("make -j4 X=1 a b", ["make a", "make b"]),
        ("make -C docs html", []),
        ("echo make a", []),
        ("$(MAKE) real", ["make real"]),
        ("nox -s a-3.12", ["nox -s a-3.12", "nox -s a"]),
    ],
)
def test_calls_of_targets_are_known(text: str, found: list[str]) -> None:
    assert list(dict.fromkeys(calls(text.split()))) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("./a.sh x", "./a.sh"),
        ("bash -eu ci/a x", "ci/a"),
        ("python -I a.py", "a.py"),
        ("uv run python tools/a.py", "tools/a.py"),
        ("uv run tools/a.py", "tools/a.py"),
        ("source a.sh", "a.sh"),
        ("python -c 'a.py'", ""),
        ("bash -c x", ""),
        ("bash -euo pipefail ci/up.sh", "ci/up.sh"),
        ("python -W ignore ci/up.py", "ci/up.py"),
        ("uv run up.py", "up.py"),
        ("timeout 5m ./ci/up.sh", "./ci/up.sh"),
        ("bash < ci/up.sh", "ci/up.sh"),
        ("python -m tools.up", "tools/up.py"),
        ("pytest tests/a.py", ""),
    ],
)
def test_scripts_are_known(text: str, found: str) -> None:
    assert script(text.split()) == found


@pytest.mark.parametrize(
    ("path", "folder", "found"),
    [
        ("./a/b.sh", "", "a/b.sh"),
        ("../b.sh", "a", "b.sh"),
        ("$GITHUB_WORKSPACE/b.sh", "a", "b.sh"),
        ("../b.sh", "", None),
        ("/etc/passwd", "", None),
        ("~/a", "", None),
        ("$X/a", "", None),
        ("a\x00b", "", None),
        ("", "a", None),
        (".", "", None),
    ],
)
def test_a_path_stays_inside_the_repository(path: str, folder: str, found: str | None) -> None:
    assert normal(path, folder) == found


class TestTargets:
    def test_sessions_know_what_their_functions_run(self) -> None:
        text = (
            "import nox, subprocess\n\ndef help(s):\n    s.run(*['uv', 'publish'])\n\n"
            "@nox.session(name='a')\ndef one(s):\n    help(s)\n    s.notify('b')\n\n"
            "@session\ndef b(s):\n    subprocess.run(f'twine upload {x}', shell=True)\n"
        )
        found = of_noxfile(text, "noxfile.py")
        assert set(found) == {"nox -s a", "nox -s b", "nox -s "}
        ran = [(c.words, c.line) for c in found["nox -s a"]]
        assert (("uv", "publish"), 4) in ran
        assert (("twine", "upload", "?"), 13) in ran

    @pytest.mark.parametrize(
        "body",
        [
            "session.run(sys.executable, '-m', 'twine', 'upload', 'x')",
            "cmd = ['twine', 'upload', 'x']; session.run(*cmd)",
            "session.run('bash', '-c', 'twine upload x')",
            "session.run(TOOL, 'upload', 'x')",
            "session.run(*'twine upload x'.split())",
        ],
    )
    def test_an_upload_of_a_session_is_seen_however_it_is_spelled(self, body: str) -> None:
        text = f"TOOL = 'twine'\n@nox.session\ndef a(session):\n    {body}\n"
        commands = of_noxfile(text, "noxfile.py")["nox -s a"]
        assert any(uploads(c.words) or obscure(c) for c in commands)

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            ("from twine.commands.upload import main; main(x)", True),
            ("for c in [('twine', 'upload')]: session.run(*c)", True),
            ("go(x='twine upload dist')", True),
            ("session.log('next: twine upload dist')", False),
            ("raise SystemExit('run twine upload')", False),
            ("'twine upload'", False),
            ("print(run('twine upload x y', 'z'))", True),
        ],
    )
    def test_a_session_that_may_publish_is_obscure(self, body: str, found: bool) -> None:
        text = f"@nox.session\ndef a(session):\n    {body}\n"
        assert any(map(obscure, of_noxfile(text, "noxfile.py")["nox -s a"])) is found

    def test_a_text_of_a_program_that_no_shell_takes_is_no_fault_of_it(self) -> None:
        text = '@nox.session\ndef a(session):\n    session.run("it\'s (odd")\n'
        (command,) = of_noxfile(text, "noxfile.py")["nox -s a"]
        assert (command.unread, command.line) == ("", 3)

    def test_sessions_that_run_where_none_is_named_are_those_that_the_options_name(self) -> None:
        text = (
            "@session\ndef a(s):\n    s.run('a', '1')\n@session\ndef b(s):\n    s.run('b', '1')\n"
        )
        for options, ran in (("", ["a", "b"]), ("nox.options.sessions = ['b']\n", ["b"])):
            found = of_noxfile(text + options, "noxfile.py")["nox -s "]
            assert [c.words[0] for c in found] == ran

    @pytest.mark.parametrize("text", ["def f(:\n", "(" * 5000, "\x00", "x = 1"])
    def test_a_noxfile_that_is_none_has_no_sessions(self, text: str) -> None:
        assert of_noxfile(text, "noxfile.py") == {}

    def test_targets_of_a_makefile_know_what_they_need(self) -> None:
        text = (
            ".PHONY: all\nX := a:b\nall: b\n\ntrue\n\nb c: d ; uv build\n\t-@twine upload x\nd:\n"
        )
        found = of_makefile(text, "Makefile")
        assert [c.words for c in found["make all"]] == [("uv", "build"), ("twine", "upload", "x")]
        assert found["make "] == found["make all"]
        assert [c.line for c in found["make c"]] == [7, 8]

    def test_a_recipe_over_several_lines_is_read_as_one(self) -> None:
        text = "a: \\\n b\nb:\n\t@if x; then \\\n\t  twine upload x; \\\n\tfi\n"
        found = of_makefile(text, "Makefile")["make a"]
        assert [(c.words, c.line) for c in found] == [(("x",), 4), (("twine", "upload", "x"), 5)]

    @pytest.mark.slow
    def test_a_large_makefile_takes_time_in_proportion(self) -> None:
        text = "".join(f"t{n}: t{n + 1}\n\techo {n}\n" for n in range(5000))
        assert len(of_makefile(text, "Makefile")) == 5001

    PYPROJECT = (
        "[tool.hatch.envs.r.scripts]\na = 'hatch publish'\n[tool.pdm.scripts]\n"
        "b = {composite = ['pdm build', 'pdm publish'], help = 'twine upload'}\n[tool.poe.tasks]\n"
        "c = ['d', '_e']\n_e = 'twine upload x'\n[tool.taskipy.tasks]\nf = {cmd = 'flit publish'}\n"
        "[tool.tox.env.g]\ncommands = [['twine', 'upload']]\n"
    )
    TOX = "[testenv]\ncommands = pytest\n[testenv:up]\ncommands =\n  - twine \\\n  upload\n"

    @pytest.mark.parametrize(
        ("call", "ran"),
        [
            ("hatch run r:a", ["hatch"]),
            ("pdm run b", ["pdm", "pdm"]),
            ("poe c", ["d", "_e", "twine"]),
            ("task f", ["flit"]),
            ("tox -e g", ["pytest", "twine"]),
            ("tox r -eup,py", ["pytest", "twine"]),
            ("tox", ["pytest"]),
            ("hatch build", []),
        ],
    )
    def test_tasks_that_are_data_are_read_for_the_one_that_is_called(
        self, call: str, ran: list[str]
    ) -> None:
        files = {
            "pyproject.toml": self.PYPROJECT,
            "tox.ini": self.TOX,
        }
        assert [c.words[0] for c in of_tasks(call.split(), files.get)] == ran

    BRACES = "[testenv:publish-{pypi,test},c]\ncommands = twine upload x\n"
    LISTED = (
        "[tox]\nenvlist = py{311,312}\n  up-{a,b}\n[testenv:up-{b}]\ncommands = twine upload x\n"
    )
    TAKEN = "[up]\ncommands = twine upload x\n[testenv:b]\ncommands = {[up]commands}\n"

    @pytest.mark.parametrize(
        ("call", "path", "text"),
        [
            ("tox -e publish-pypi", "tox.ini", BRACES),
            ("tox r -qe publish-test -- x", "setup.cfg", BRACES),
            ("tox -e py,c", "tox.ini", BRACES),
            ("tox", "tox.ini", LISTED),
            ("tox -e b", "tox.ini", TAKEN),
            ("tox -e c", "pyproject.toml", f'[tool.tox]\nlegacy_tox_ini = """\n{BRACES}"""'),
            ("tox -e c", "tox.toml", "[env.c]\ncommands = [['twine', 'upload', 'x']]"),
            ("tox -e py", "tox.toml", "[env_run_base]\ncommands = [['twine', 'upload', 'x']]"),
            ("tox -c ci/up.ini -e c", "ci/up.ini", BRACES),
            ("hatch run up", "hatch.toml", "[envs.a.scripts]\nup = 'twine upload x'"),
            ("poe up", "poe_tasks.toml", "[tasks]\nup = 'twine upload x'"),
        ],
    )
    def test_an_upload_is_found_wherever_a_runner_is_told_of_it(
        self, call: str, path: str, text: str
    ) -> None:
        (command,) = of_tasks(call.split(), {path: text}.get)
        assert (command.words, command.path) == (("twine", "upload", "x"), path)

    @pytest.mark.parametrize(
        ("call", "path", "text"),
        [
            ("tox -e up", "tox.ini", "[testenv:a]\ncommands = twine upload x"),
            ("tox -e up", "tox.ini", "[testenv:a]\n[testenv:a]\ncommands = twine upload x"),
            ("tox -e up", "tox.ini", "[testenv]\ncommands = up: twine upload x"),
            ("tox -m up", "tox.ini", "[testenv:a]\nlabels = up\ncommands = twine upload x"),
            ("poe up", "pyproject.toml", "[tool.poe.tasks]\na = 'twine upload x'"),
        ],
    )
    def test_what_is_not_found_may_be_each_upload_of_the_file(
        self, call: str, path: str, text: str
    ) -> None:
        *_, command = of_tasks(call.split(), {path: text}.get)
        assert "twine upload x" in " ".join(command.words)

    @pytest.mark.parametrize("call", ["tox -e py312", "tox -e lint,3.12", "tox", "tox -e up-{a}"])
    def test_environments_that_do_something_else_are_left_alone(self, call: str) -> None:
        text = (
            f"{self.BRACES}[tox]\nenvlist = py, up-{{a,b}}\n[testenv:lint]\ncommands = ruff check\n"
        )
        assert all(c.words[0] == "ruff" for c in of_tasks(call.split(), {"tox.ini": text}.get))

    def test_names_without_end_take_no_time(self) -> None:
        text = f"[testenv:{'{a,b}' * 5000}]\ncommands = twine upload x\n"
        assert list(of_tasks(["tox", "-e", "x"], {"tox.ini": text}.get))

    def test_a_task_is_found_on_its_line(self) -> None:
        (command,) = of_tasks(["task", "f"], {"pyproject.toml": self.PYPROJECT}.get)
        assert command.line == 9

    @pytest.mark.parametrize("name", ["pyproject.toml", "tox.ini"])
    def test_a_file_that_cannot_be_read_has_no_tasks(self, name: str) -> None:
        assert list(of_tasks(["tox", "a"], {name: "a = [\n\t:"}.get)) == []
