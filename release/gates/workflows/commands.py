"""What commands do: which program they run in the end, and whether it publishes or builds."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from types import MappingProxyType

from release.gates.workflows.model import Command

MAX_WRAPPED = 30
VARIABLE = re.compile(r"^\$(?:\{\w+\}|\(\w+\))")
# A program that only a run can tell: a variable of a shell, make or tox, or a value in Python.
UNKNOWN = re.compile(r"\$\{?(\w+)(?::?-([^{}]*))?\}?|\$\((\w+)\)|\{(\w+)\}|\?")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
# Programs that run another one, be it after a word of their own.
WRAPPERS = frozenset(["time", "exec", "command", "nohup", "sudo", "nice", "stdbuf", "timeout"])
WRAPPER_OPTIONS = frozenset(["-n", "-k", "-s", "-u", "-g", "-C", "-a", "--kill-after", "--signal"])
DURATION = re.compile(r"\d+(?:\.\d+)?[smhd]?")
# Options, of programs that run another one, that take a word of their own.
WORD_OPTIONS = frozenset(
    """--with --with-editable --with-requirements --from --extra --group --only-group --no-group
    --python -p --directory --project --index --index-url --default-index --env-file --spec
    --pip-args --package --config-file --color -u -e --env -x -f""".split()  # noqa: SIM905
)
# Options that take no word.
FLAGS = frozenset(
    """-q -v -vv --quiet --verbose --no-color --no-ansi -n --no-interaction --no-cache --offline
    --no-progress --no-config --disable-pip-version-check --isolated --ansi""".split()  # noqa: SIM905
)
XARGS_OPTIONS = frozenset(["-n", "-I", "-P", "-L", "-d", "-s", "-E"])
FIND_RUNS = frozenset(["-exec", "-execdir", "-ok", "-okdir"])
RUNNERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(("pipx", "poetry", "pdm", "rye", "pipenv"), (("run",),)),
    "uv": (("run",), ("tool", "run")),
    "hatch": (("run",), ("env", "run")),
    **dict.fromkeys(("uvx", "env"), ((),)),
}
# Options of shells and of Python that take a word.
SHELL_OPTION = re.compile(r"[-+]\w*[oO]|--(?:rcfile|init-file)")
PYTHON_OPTIONS = frozenset(["-W", "-X", "--check-hash-based-pycs"])
PYTHON_MODULE = re.compile(r"-[bBdEiIOPqRsSuvx]*m(.*)", re.S)
PYTHON_TEXT = re.compile(r"-[bBdEiIOPqRsSuvx]*c(.*)", re.S)
SHELL_TEXT = re.compile(r"-\w*c\w*")
PYTHON = re.compile(r"(?:python|pypy)(?:\d(?:\.\d+)?)?|py")
SHELLS = frozenset(["bash", "sh", "zsh", "dash", "ksh", "source", "."])
INTERPRETERS = frozenset(["perl", "node", "ruby", "php", "pwsh"])
NO_UPLOAD = frozenset(["--dry-run", "--help", "-h"])
TEST_INDEX = re.compile(
    r"test[_-]?pypi|(?:https?:)?//(?:test\.pypi\.[a-z.]+|localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?:/[^?#]*)?"
    r"|file://.*",
    re.I,
)
# What tells a program to which index it uploads: its options, and its variables.
DESTINATIONS = ("--repository-url", "--repository", "--publish-url", "--index", "--repo", "-r")
DESTINATION_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "twine": ("TWINE_REPOSITORY", "TWINE_REPOSITORY_URL"),
    "uv": ("UV_PUBLISH_URL", "UV_PUBLISH_INDEX"),
    "hatch": ("HATCH_INDEX_REPO",),
    "flit": ("FLIT_INDEX_URL",),
    "pdm": ("PDM_PUBLISH_REPO",),
    "maturin": ("MATURIN_REPOSITORY", "MATURIN_REPOSITORY_URL"),
}
UPLOADS: Mapping[str, tuple[str, ...]] = {
    "twine": ("upload",),
    "maturin": ("publish", "upload"),
    **dict.fromkeys(("uv", "hatch", "hatchling", "flit", "poetry", "pdm", "rye"), ("publish",)),
}
# What looks like an upload, however it is spelled: a place, or a program and what it is told to do.
UPLOAD_PLACE = re.compile(
    r"upload[.]" + "pypi" + r"[.]|gh-action-pypi-publish|twine\.commands", re.I
)
UPLOAD_WORDS = (
    (
        re.compile(r"(?<![\w./-])(?:twine|maturin)(?![\w-])"),
        re.compile(r"(?<![\w./-])(?:upload|publish)(?![\w./-])"),
    ),
    (
        re.compile(r"(?<![\w./-])(?:uv|flit|hatch|poetry|pdm|rye)(?![\w-])"),
        re.compile(r"(?<![\w./-])publish(?![\w./-])"),
    ),
)
OBSCURE = (("upload",), ("publish",))
# Programs that say, look for or compare a text, and run none; of git, what it is told to do.
TELLING = frozenset(
    """echo printf cat tee grep egrep fgrep rg test [ [[ : true false exit return read cp mv
    rm ls mkdir touch head tail cut tr diff jq for while case function""".split()  # noqa: SIM905
)
GIT_TELLING = frozenset(["add", "commit", "diff", "grep", "log", "show", "tag"])
# What runs the texts of its words, or what they say.
RUNS_TEXTS = frozenset((name,) for name in ("eval", *SHELLS))
NOX_SESSION = re.compile(r"(?:--sessions?=?|-[se])(.*)")
# Options by which nox chooses sessions otherwise, and those by which it runs none.
NOX_CHOICES = frozenset(["-t", "--tags", "-k", "--keywords", "-f", "--noxfile"])
NOX_ELSEWHERE = NOX_CHOICES | {"--install-only", "-l", "--list"}
# Options by which make reads another Makefile, or runs nothing.
MAKE_ELSEWHERE = frozenset(["-C", "--directory", "-f", "--file", "-n", "--dry-run"])
BUILDS: Mapping[str, tuple[str, ...]] = {
    "maturin": ("build", "sdist"),
    **dict.fromkeys(("uv", "hatch", "hatchling", "flit", "poetry", "pdm", "rye"), ("build",)),
}


def program(words: Sequence[str]) -> tuple[str, ...]:
    """The words of what is run in the end: without assignments, `sudo`, `uv run`, `python -m`.

    Its first word is the program's name, without folders, suffix and version.
    """
    rest = list(words)
    for _ in range(MAX_WRAPPED):
        rest = list(itertools.dropwhile(ASSIGNMENT.match, rest))
        if not rest:
            return ()
        name = _name(rest[0])
        if PYTHON.fullmatch(name) or UNKNOWN.fullmatch(rest[0]):
            module = _module(rest)
            if module is not None:
                rest = module
                continue
        step = _behind_runner(name, rest)
        if step is None:
            return (name, *rest[1:])
        rest = step
    return tuple(rest)


def _module(words: list[str]) -> list[str] | None:
    """What `python -m` runs; None where it is given no module."""
    place = 1
    while place < len(words) and words[place].startswith("-"):
        match = PYTHON_MODULE.fullmatch(words[place])
        if match is not None:
            rest = words[place + 1 :]
            return [match[1], *rest] if match[1] else rest or None
        if PYTHON_TEXT.fullmatch(words[place]):
            return None
        place += 2 if words[place] in PYTHON_OPTIONS else 1
    return None


def _name(word: str) -> str:
    unknown = UNKNOWN.fullmatch(word)
    if unknown is not None:
        # A variable that is named after a program is most often that program.
        told = (unknown[2] or unknown[1] or unknown[3] or unknown[4] or "").lower()
        return told if told in UPLOADS or told == "make" else word
    # A variable in front (`${PREFIX}twine`) is most often a folder.
    word = VARIABLE.sub("", word) or word
    name = PurePosixPath(word.replace("\\", "/")).name if "/" in word or "\\" in word else word
    name = re.split(r"[@=<>!~\[]", name, maxsplit=1)[0] or name
    return name.removesuffix(".exe")


def _behind_runner(name: str, words: list[str]) -> list[str] | None:
    """What a runner runs; None for a program that is none."""
    if name == "find":
        place = next((n for n, word in enumerate(words) if word in FIND_RUNS), len(words))
        return words[place + 1 :] if place < len(words) else None
    if name == "xargs":
        return _past_options(words[1:], XARGS_OPTIONS)
    if name in WRAPPERS and not (name == "command" and words[1:2] in (["-v"], ["-V"])):
        rest = _past_options(words[1:], WRAPPER_OPTIONS)
        return rest[1:] if name == "timeout" and DURATION.match("".join(rest[:1])) else rest
    for form in RUNNERS.get(name, ()):
        place = _verb(words, form[:1]) if form else 1
        if place and tuple(words[place : place + len(form)]) == form:
            return _past_options(words[place + len(form) :])
    return None


def _verb(words: Sequence[str], wanted: Container[str]) -> int:
    """The place of a subcommand, behind options and what they take; 0 for another one or none."""
    for place, word in enumerate(words[1:], 1):
        if word in wanted:
            return place
        before = words[place - 1] if place > 1 else ""
        may_take = before.startswith("-") and "=" not in before and before not in FLAGS
        if not word.startswith("-") and not may_take:
            return 0
    return 0


def _past_options(words: list[str], taking: frozenset[str] = WORD_OPTIONS) -> list[str]:
    place = 0
    while place < len(words) and words[place].startswith("-"):
        if words[place] in ("--", "-m", "--module"):
            return words[place + 1 :]
        place += 2 if words[place] in taking else 1
    return words[place:]


def subcommand(words: Sequence[str]) -> str:
    """The first word after the program's name that is no option."""
    rest = _past_options(list(words[1:]))
    return rest[0] if rest else ""


def uploads(words: Sequence[str], variables: Mapping[str, str] = MappingProxyType({})) -> bool:
    """Whether a command uploads to a package index, other than one for tests or of this machine.

    `variables` are those of its step; they tell the index where the command does not.
    """
    run = program(words)
    if not is_upload(run) or NO_UPLOAD & set(run):
        return False
    told = destinations(run)
    if not told:
        own = dict(word.split("=", 1) for word in words if ASSIGNMENT.match(word))
        known = {**variables, **own}
        told = [known[n] for n in DESTINATION_VARIABLES.get(run[0], ()) if n in known]
    fine = [for_tests(to) or (run[0], to) == ("hatch", "test") for to in told]
    return not fine or not all(fine)


def is_upload(run: Sequence[str]) -> bool:
    """Whether what `program` gives is the form of an upload, to whatever index."""
    if not run:
        return False
    if run[0] == "curl":
        return any("file_upload" in word for word in run)
    if _is_setup(run):
        return "upload" in run
    return bool(_verb(run, UPLOADS.get(run[0], ())))


def destinations(run: Sequence[str]) -> list[str]:
    """The indexes, by address or name, that the options of an upload tell."""
    if run[0] == "curl":
        return [word for word in run[1:] if word.startswith(("http:", "https:"))]
    joined = [word[2:] for word in run[1:] if word.startswith("-r") and len(word) > 2]
    return [*(value for _, value in values(run[1:], DESTINATIONS)), *joined]


def _is_setup(run: Sequence[str]) -> bool:
    """Whether a command runs a setup.py."""
    return run[0] == "setup.py" or bool(
        PYTHON.fullmatch(run[0]) and _name(subcommand(run)) == "setup.py"
    )


def for_tests(text: str) -> bool:
    """Whether a text is the index for tests, or one of this machine: its name or its address.

    A text that only a run can tell is neither.
    """
    return "$" not in text and bool(TEST_INDEX.fullmatch(text.strip()))


def may_publish(text: str) -> bool:
    """Whether a text, comments aside, looks like an upload to an index in some line."""
    if "pypi" not in text and "upload" not in text and "publish" not in text:
        return False
    for line in text.split("\n"):
        if line.lstrip().startswith(("#", "//")):
            continue
        if UPLOAD_PLACE.search(line):
            return True
        for tool, verb in UPLOAD_WORDS:
            found = tool.search(line)
            if found is not None and verb.search(line, found.end()):
                return True
    return False


def tells(command: Command) -> bool:
    """Whether a command says, looks for or compares a text, and nothing runs that text."""
    words = plain(command.words)
    text = " ".join(words) if command.bare is None else command.bare
    # A text with a substitution in quotes is one that something else is meant to read.
    if command.feeds or not words or "$(" in text or "`" in text:
        return False
    return words[0] in TELLING or (
        words[0] == "git" and words[1:2] != () and words[1] in GIT_TELLING
    )


def obscure(command: Command) -> bool:
    """Whether a command may publish, and is neither known to nor known to be harmless.

    Texts that are given to a shell, to Python or to any other program are not followed: what looks
    like an upload in them is one that cannot be judged.
    """
    run = program(command.words)
    if command.followed or is_upload(run) or tells(command):
        return False
    # What runs what is substituted in it, or reads it as a shell does.
    runs_text = run[:1] in RUNS_TEXTS or command.words[0].startswith(("$(", "`"))
    whole = command.bare is None or runs_text
    text = " ".join(command.words) if whole else command.bare
    unknown = run[1:2] in OBSCURE and bool(UNKNOWN.fullmatch(run[0]))
    return unknown or may_publish(f"{text}\n{command.fed}")


def builds(words: Sequence[str]) -> bool:
    """Whether a command builds distributions."""
    run = program(words)
    if not run:
        return False
    name = run[0]
    if name in ("build", "pyproject-build", "cibuildwheel"):
        return "--help" not in run
    if name == "pip":
        return bool(_verb(run, ("wheel",)))
    if _is_setup(run):
        return bool({"sdist", "bdist_wheel"} & set(run))
    return bool(_verb(run, BUILDS.get(name, ())))


def calls(words: Sequence[str]) -> Iterator[str]:
    """The targets that a command runs, such as `nox -s publish`, as `Model.targets` names them."""
    for candidate in (plain(words), program(words)):
        if candidate:
            yield from _calls(candidate)


def plain(words: Sequence[str]) -> tuple[str, ...]:
    """The words without assignments and prefixes, but with the runner (`hatch run NAME`)."""
    name, *rest = [*itertools.dropwhile(ASSIGNMENT.match, words)] or [""]
    return (_name(name), *rest) if name else ()


def _calls(words: tuple[str, ...]) -> Iterator[str]:
    name, *rest = words
    if name == "nox" and not NOX_ELSEWHERE & {word.partition("=")[0] for word in rest}:
        for session in list(_sessions(rest)) or [""]:
            # A session's name, and the one that its function has, without a Python's version.
            bare = re.sub(r"-(?:pypy)?\d+\.\d+$", "", session[:500])
            yield from dict.fromkeys((f"nox -s {session}", f"nox -s {bare}"))
    elif name in ("make", "gmake", "$(MAKE)", "${MAKE}") and not MAKE_ELSEWHERE & set(rest):
        given = [w for w in rest if not w.startswith("-") and "=" not in w]
        yield from (f"make {target}" for target in given or [""])


def _sessions(words: Sequence[str]) -> Iterator[str]:
    """The sessions that nox is told, by commas or each as a word."""
    taking = False
    for word in itertools.takewhile(lambda word: word != "--", words):
        match = NOX_SESSION.fullmatch(word)
        taking = bool(match) or (taking and not word.startswith("-"))
        yield from filter(None, (match[1] if match else word if taking else "").split(","))


def script(words: Sequence[str]) -> str:
    """The file of the repository that a command may run, as it is written; empty for none."""
    run = program(words)
    if not run:
        return ""
    is_shell = run[0] in SHELLS
    if is_shell or run[0] in INTERPRETERS or PYTHON.fullmatch(run[0]) or UNKNOWN.fullmatch(run[0]):
        place = 1
        while place < len(run) and run[place][:1] in "-+<":
            taking = (
                SHELL_OPTION.fullmatch(run[place]) if is_shell else run[place] in PYTHON_OPTIONS
            )
            place += 2 if taking else 1
        bare = run[place].lstrip("<") if place < len(run) else ""
        texts = SHELL_TEXT if is_shell else PYTHON_TEXT
        given = any(word == "-" or texts.fullmatch(word) for word in run[1:place])
        return "" if given else bare
    # `program` took the folders off its name, and they tell a file from a command.
    found = next((w for w in words if "/" in w and _name(w) == run[0]), "")
    if not found and run[0] in words[1:] and run[0].endswith(".py"):
        return run[0]
    if not found and "." in run[0] and "-m" in words and "/" not in run[0]:
        return run[0].replace(".", "/") + ".py"
    return found


def normal(path: str, folder: str = "") -> str | None:
    """A path as it is below the repository's root; None for one that leads out or is no path."""
    for start in ("$/", "$GITHUB_WORKSPACE/", "${GITHUB_WORKSPACE}/", "${{ github.workspace }}/"):
        if path.startswith(start):
            path, folder = path.removeprefix(start), ""
    for start in ("$PWD/", "${PWD}/", "$(pwd)/"):
        path = path.removeprefix(start)
    if not path or path.startswith(("/", "~")) or re.search(r"[$*?\x00\n]", path):
        return None
    found = posixpath.normpath(posixpath.join(folder.lstrip("/"), path))
    return None if found == "." or found.split("/")[0] == ".." else found


def option(words: Sequence[str], *names: str) -> bool:
    """Whether a command has one of the options, be it as `--name=value`."""
    return any(word == name or word.startswith(f"{name}=") for word in words for name in names)


def values(words: Sequence[str], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The options of these names, each with what it is given."""
    for place, word in enumerate(words):
        name, sign, value = word.partition("=")
        if name in names:
            yield name, value if sign else "".join(words[place + 1 : place + 2])
