"""Shell texts, sessions, targets and scripts as simple commands, and what those commands do.

Nothing is run and nothing is expanded: a shell text is split into its commands as far as its
syntax says, which is enough to tell a command from a text that names one.
"""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from release.gates.workflows.model import Command

MAX_NESTING = 4
# Beyond it, what a target of a Makefile needs is not followed.
MAX_TARGETS = 300
MAX_RECIPE = 2000
MAX_WRAPPED = 30
MAKE_VARIABLE = re.compile(r"^[ ]*(?:export[ ]+)?(\w+)[ ]*[:?]{0,2}=([^\n#]*)", re.M)
MAKE_USE = re.compile(r"\$\((\w+)\)|\$\{(\w+)\}")
HEREDOC = re.compile(r"<<-?[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?([A-Za-z_][\w.-]*))")
VARIABLE = re.compile(r"^\$(?:\{\w+\}|\(\w+\))")
# A program that only a run can tell: a variable of a shell, make or tox, or a value in Python.
UNKNOWN = re.compile(r"\$\{?(\w+)(?::?-([^{}]*))?\}?|\$\((\w+)\)|\{(\w+)\}|\?")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
ARITHMETIC = re.compile(r"\(\(([^;\n]*?)\)\)")
FUNCTION = re.compile(r"\([ \t]*\)")
FUNCTION_NAME = re.compile(r"[\w:-]+")
# Words that may stand before a command.
BEFORE = frozenset("if then else elif do while until ! { coproc".split())  # noqa: SIM905
# Programs that run another one, with their options that take a word and how many words they take.
WRAPPERS: Mapping[str, tuple[frozenset[str], int]] = {
    "time": (frozenset(["-f", "-o"]), 0),
    "exec": (frozenset(["-a"]), 0),
    "command": (frozenset(), 0),
    "builtin": (frozenset(), 0),
    "nohup": (frozenset(), 0),
    "setsid": (frozenset(), 0),
    "unbuffer": (frozenset(), 0),
    "chronic": (frozenset(), 0),
    "winpty": (frozenset(), 0),
    "sudo": (frozenset("-u -g -h -p -C -r -t -T -U -D -R --user --group".split()), 0),  # noqa: SIM905
    "doas": (frozenset(["-u", "-C"]), 0),
    "nice": (frozenset(["-n", "--adjustment"]), 0),
    "ionice": (frozenset(["-c", "-n"]), 0),
    "stdbuf": (frozenset(["-i", "-o", "-e"]), 0),
    "timeout": (frozenset(["-s", "-k", "--signal", "--kill-after"]), 1),
    "flock": (frozenset(["-w", "-E"]), 1),
}
# Options, of programs that run another one, that take a word of their own.
WORD_OPTIONS = frozenset(
    """--with --with-editable --with-requirements --from --extra --group --only-group --no-group
    --python -p --directory --project --index --index-url --default-index --env-file --spec
    --pip-args --package --config-file --color -u -e --env -E -x -f""".split()  # noqa: SIM905
)
# Options that take no word.
FLAGS = frozenset(
    """-q -v -vv --quiet --verbose --no-color --no-ansi -n --no-interaction --no-cache --offline
    --no-progress --no-config --disable-pip-version-check --isolated --ansi""".split()  # noqa: SIM905
)
XARGS_OPTIONS = frozenset(["-n", "-I", "-P", "-L", "-d", "-s", "-E"])
RUNNERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "uv": (("run",), ("tool", "run")),
    "pipx": (("run",),),
    "poetry": (("run",),),
    "pdm": (("run",),),
    "rye": (("run",),),
    "hatch": (("run",), ("env", "run")),
    "pipenv": (("run",),),
    "uvx": ((),),
    "env": ((),),
}
# Options of shells and of Python that take a word.
SHELL_OPTION = re.compile(r"[-+]\w*[oO]|--(?:rcfile|init-file)")
PYTHON_OPTIONS = frozenset(["-W", "-X", "--check-hash-based-pycs"])
PYTHON_MODULE = re.compile(r"-[bBdEiIOPqRsSuvx]*m(.*)", re.S)
PYTHON_TEXT = re.compile(r"-[bBdEiIOPqRsSuvx]*c(.*)", re.S)
SHELL_TEXT = re.compile(r"-\w*c\w*")
PYTHON = re.compile(r"(?:python|pypy)(?:\d(?:\.\d+)?)?|py")
SHELLS = frozenset(["bash", "sh", "zsh", "dash", "ksh", "source", "."])
SHELL_NAMES = frozenset((name,) for name in SHELLS)
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
# Functions of Python that only say something.
SAYING = frozenset(
    """print log debug info warn warning error critical exception skip echo secho add_argument
    ArgumentParser exit""".split()  # noqa: SIM905
)
UPLOADS: Mapping[str, tuple[str, ...]] = {
    "twine": ("upload",),
    "uv": ("publish",),
    "hatch": ("publish",),
    "flit": ("publish",),
    "poetry": ("publish",),
    "pdm": ("publish",),
    "rye": ("publish",),
    "maturin": ("publish", "upload"),
    "hatchling": ("publish",),
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
# Programs that say, look for or compare a text, and run none.
TELLING = frozenset(
    """echo printf cat tee grep egrep fgrep rg sed test [ [[ : true false exit return read git cp mv
    rm ls mkdir touch head tail cut tr sort diff jq for case""".split()  # noqa: SIM905
)
BUILDS: Mapping[str, tuple[str, ...]] = {
    "uv": ("build",),
    "hatch": ("build",),
    "flit": ("build",),
    "poetry": ("build",),
    "pdm": ("build",),
    "rye": ("build",),
    "maturin": ("build", "sdist"),
    "hatchling": ("build",),
}


def split(script: str, path: str, line: int, via: str = "", depth: int = 0) -> list[Command]:
    """The simple commands of a shell text whose first line is `line` of the file `path`."""
    return _Splitter(script, path, line, via, depth).commands()


class _Splitter:
    def __init__(self, script: str, path: str, line: int, via: str, depth: int) -> None:
        self.script = script
        self.path = path
        self.line = line
        self.via = via
        self.depth = depth
        self.found: list[Command] = []
        self.words: list[str] = []
        self.word: list[str] | None = None
        self.begins = line
        self.operator = ""
        self.heredocs: list[tuple[str, int]] = []
        self.inner: list[tuple[str, int]] = []
        self.closers: set[str] = set()
        self.cases = 0
        self.in_pattern = False

    def commands(self) -> list[Command]:
        script, place, size = self.script, 0, len(self.script)
        while place < size:
            place = self.step(script[place], place)
        self.end_command("")
        for text, line in self.inner:
            if self.depth < MAX_NESTING:
                self.found += split(text, self.path, line, self.via, self.depth + 1)
        return self.found

    def step(self, c: str, place: int) -> int:
        script = self.script
        if c == "\n":
            self.end_command(";")
            self.operator = ""
            self.line += 1
            return self.past_heredocs(place + 1)
        if c in " \t\r":
            self.end_word()
            return place + 1
        if c == "\\":
            if script.startswith("\\\n", place) or script.startswith("\\\r\n", place):
                self.line += 1
                return script.index("\n", place) + 1
            return self.take(script[place + 1 : place + 2], place + 2)
        if c == "'":
            end = self.find("'", place + 1)
            return self.take(script[place + 1 : end], end + 1)
        if c == '"':
            end = _end_of(script, place + 1, '"')
            body = script[place + 1 : end - 1]
            self.note_inner(body)
            return self.take(body, end)
        if c == "`":
            end = self.find("`", place + 1)
            self.inner.append((script[place + 1 : end], self.line))
            return self.take(script[place : end + 1], end + 1)
        if c == "$":
            return self.dollar(place)
        if c == "#" and self.word is None:
            return self.find("\n", place)
        if c == "<":
            heredoc = None if script.startswith("<<<", place) else HEREDOC.match(script, place)
            if heredoc is not None and not (self.word and self.word[-1] == "<"):
                delimiter = heredoc[1] or heredoc[2] or heredoc[3]
                self.heredocs.append((delimiter, len(self.found)))
                return heredoc.end()
            return self.take(c, place + 1)
        if c in "&|;()":
            return self.separator(c, place)
        return self.take(c, place + 1)

    def dollar(self, place: int) -> int:
        script = self.script
        if script.startswith("${{", place):
            end = self.find("}}", place)
            return self.take(script[place : end + 2], min(end + 2, len(script)))
        if script.startswith("$(", place):
            end = _end_of(script, place + 2, ")")
            self.inner.append((script[place + 2 : end - 1], self.line))
            return self.take(script[place:end], end)
        if script.startswith("${", place):
            end = self.find("}", place)
            return self.take(script[place : end + 1], min(end + 1, len(script)))
        return self.take("$", place + 1)

    def separator(self, c: str, place: int) -> int:
        script = self.script
        if "[[" in self.words and self.words[-1] != "]]":
            return self.take(c, place + 1)
        if c == "(" and (end := self.round(place)):
            return end
        if c == "|" and (self.in_pattern or (self.words[:1] == ["case"] and "in" in self.words)):
            return self.take(c, place + 1)
        if self.cases and script.startswith(";;", place):
            self.end_command(";")
            self.in_pattern = True
            return place + 2
        if c == ")" and self.in_pattern:
            self.end_word()
            self.words = []
            self.in_pattern = False
            return place + 1
        if c == "&" and (
            (self.word and self.word[-1][-1:] in "<>") or script.startswith("&>", place)
        ):
            return self.take(c, place + 1)
        operator = c * 2 if c in "&|" and script.startswith(c * 2, place) else c
        self.end_command(operator)
        return place + len(operator)

    def round(self, place: int) -> int:
        """The place after a bracket that opens no subshell; 0 where it does."""
        script = self.script
        word = self.word or [""]
        if word[-1].endswith("=") and ASSIGNMENT.fullmatch("".join(word)):
            end = min(_end_of(script, place + 1, ")"), len(script))
            self.note_inner(script[place:end])
            return self.take(script[place:end], end)
        if self.word is None and all(w in BEFORE for w in self.words):
            near = script.startswith("((", place) and script.find("))", place, place + 300) >= 0
            arithmetic = ARITHMETIC.match(script, place, place + 302) if near else None
            if arithmetic is not None:
                self.note_inner(arithmetic[1])
                self.take("((", place)
                self.end_word()
                return self.take(arithmetic[1], arithmetic.end())
        named = [*self.words, *(["".join(word)] if self.word is not None else [])]
        if len(named) == 1 or named[:1] == ["function"]:
            function = FUNCTION.match(script, place, place + 100)
            if function is not None and FUNCTION_NAME.fullmatch(named[-1]):
                self.word = None
                self.words = []
                return function.end()
        return 0

    def take(self, text: str, place: int) -> int:
        if self.word is None:
            self.word = []
            if not self.words:
                self.begins = self.line
        self.word.append(text)
        self.line += text.count("\n")
        return place

    def note_inner(self, body: str) -> None:
        """Remember the commands that are substituted in a quoted text."""
        place = body.find("$(")
        while place >= 0:
            end = _end_of(body, place + 2, ")")
            line = self.line + body.count("\n", 0, place) if len(self.inner) < 1000 else self.line
            self.inner.append((body[place + 2 : end - 1], line))
            place = body.find("$(", end)
        self.inner += [(text, self.line) for text in body.split("`")[1:-1:2]]

    def find(self, text: str, place: int) -> int:
        """Where a text is next, the end where it is nowhere; each is missed only once."""
        if text in self.closers:
            return len(self.script)
        found = self.script.find(text, place)
        if found < 0:
            self.closers.add(text)
            return len(self.script)
        return found

    def end_word(self) -> None:
        if self.word is not None:
            self.words.append("".join(self.word))
            self.word = None

    def end_command(self, operator: str) -> None:
        self.end_word()
        if self.words:
            self.count_cases()
            command = Command(tuple(self.words), self.path, self.begins, self.operator, self.via)
            self.found.append(self.follow(command, self.words))
        self.words = []
        self.operator = operator

    def count_cases(self) -> None:
        if self.words[0] == "case":
            self.cases += 1
            self.in_pattern = self.words[-1] == "in"
        elif self.words[0] == "esac":
            self.cases = max(self.cases - 1, 0)
            self.in_pattern = False

    def follow(self, command: Command, words: Sequence[str]) -> Command:
        """A command that may run a text of its own, whose commands are then found, too."""
        if command.operator == "|" and self.found and program(words)[:1] in SHELL_NAMES:
            self.inner.append((" ".join(self.found[-1].words[1:]), command.line))
        kind, text = given_text(words)
        if not text or self.depth >= MAX_NESTING:
            return command
        if kind == "python":
            self.found += of_python(text, self.path, self.via, command.line)
        else:
            self.inner.append((text, command.line))
        return replace(command, followed=True)

    def past_heredocs(self, place: int) -> int:
        script = self.script
        for delimiter, number in self.heredocs:
            begins = place
            line = self.line
            ends = place
            while place < len(script):
                end = script.find("\n", place)
                end = len(script) if end < 0 else end
                text = script[place:end]
                place = min(end + 1, len(script))
                self.line += 1
                if text.strip() == delimiter:
                    break
                ends = place
            if number < len(self.found):
                self.feed(number, script[begins:ends], line)
        self.heredocs.clear()
        return place

    def feed(self, number: int, text: str, line: int) -> None:
        """Give a command the heredoc that it reads, which a shell or Python would run."""
        reader = replace(self.found[number], fed=text)
        run = program(reader.words)
        piped = any(
            one.operator == "|" and program(one.words)[:1] in SHELL_NAMES
            for one in self.found[number + 1 : number + 5]
        )
        if self.depth < MAX_NESTING:
            if piped or run[:1] in SHELL_NAMES:
                self.inner.append((text, line))
                reader = replace(reader, followed=True)
            elif run and PYTHON.fullmatch(run[0]):
                self.found += of_python(text, self.path, self.via, line)
        self.found[number] = reader


def given_text(words: Sequence[str]) -> tuple[str, str]:
    """The text that a command is given to run, as `bash -c` is: its kind, shell or python."""
    run = program(words)
    if not run:
        return "", ""
    name, rest = run[0], run[1:]
    if name == "eval":
        return "shell", " ".join(rest)
    if name == "trap" and rest and not rest[0].startswith("-"):
        return "shell", rest[0]
    if name in SHELLS and name not in ("source", "."):
        place = 0
        while place < len(rest) and rest[place][:1] in "-+":
            if SHELL_TEXT.fullmatch(rest[place]):
                texts = [word for word in rest[place + 1 :] if word[:1] not in "-+"]
                return "shell", texts[0] if texts else ""
            place += 2 if SHELL_OPTION.fullmatch(rest[place]) else 1
    if PYTHON.fullmatch(name) or UNKNOWN.fullmatch(name):
        place = 0
        while place < len(rest) and rest[place].startswith("-"):
            match = PYTHON_TEXT.fullmatch(rest[place])
            if match is not None:
                return "python", match[1] or next(iter(rest[place + 1 : place + 2]), "")
            place += 2 if rest[place] in PYTHON_OPTIONS else 1
    return "", ""


def _end_of(script: str, place: int, closer: str) -> int:
    """The place after the bracket or quote that closes what began just before `place`."""
    stack = [closer]
    end = len(script)
    while place < end and stack:
        c = script[place]
        if c == "\\":
            place += 2
            continue
        if stack[-1] == '"':
            if c == '"':
                stack.pop()
            elif c == "$" and script.startswith("$(", place):
                stack.append(")")
                place += 1
        elif c == "'":
            close = script.find("'", place + 1)
            place = end if close < 0 else close
        elif c == '"':
            stack.append('"')
        elif c == "(":
            stack.append(")")
        elif c == ")":
            stack.pop()
        place += 1
    return min(place, end) if not stack else end + 1


def program(words: Sequence[str]) -> tuple[str, ...]:
    """The words of what is run in the end: without assignments, `sudo`, `uv run`, `python -m`.

    Its first word is the program's name, without folders, suffix and version.
    """
    rest = list(words)
    for _ in range(MAX_WRAPPED):
        before = 0
        while before < len(rest) and (rest[before] in BEFORE or ASSIGNMENT.match(rest[before])):
            before += 1
        rest = rest[before:]
        if not rest:
            return ()
        if rest[0] == "function":
            rest = rest[2:]
            continue
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
        place = next((n for n, w in enumerate(words) if w in ("-exec", "-execdir")), len(words))
        return words[place + 1 :] if place < len(words) else None
    if name == "xargs":
        return _past_options(words[1:], XARGS_OPTIONS)
    if name in WRAPPERS and not (name == "command" and words[1:2] in (["-v"], ["-V"])):
        taking, count = WRAPPERS[name]
        return _past_options(words[1:], taking)[count:]
    if name == "env":
        told = next((n for n, word in enumerate(words) if word in ("-S", "--split-string")), 0)
        if told and len(words) > told + 1:
            return [*words[told + 1].split(), *words[told + 2 :]]
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
        if words[place] == "--":
            return words[place + 1 :]
        if words[place] in ("-m", "--module"):
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
    found: list[str] = []
    for place, word in enumerate(run[1:], 1):
        name, equals, value = word.partition("=")
        if word in DESTINATIONS:
            found += run[place + 1 : place + 2]
        elif equals and name in DESTINATIONS:
            found.append(value)
        elif word.startswith("-r") and len(word) > 2:
            found.append(word[2:])
    return found


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


def obscure(command: Command) -> bool:
    """Whether a command may publish, and is neither known to nor known to be harmless."""
    run = program(command.words)
    if not command.followed:
        text = " ".join(_without_substitutions(word) for word in command.words)
        name = run[0] if run else ""
        if (
            not is_upload(run)
            and name not in TELLING
            and (may_publish(text) or (name.startswith("$") and run[1:2] in OBSCURE))
        ):
            return True
    reads = command.fed and not command.followed and (not run or run[0] not in TELLING)
    return bool(reads) and may_publish(command.fed)


def _without_substitutions(word: str) -> str:
    """A word without the commands that are substituted in it, which are judged by themselves."""
    kept = []
    place = 0
    while (start := word.find("$(", place)) >= 0:
        kept.append(word[place:start])
        place = min(_end_of(word, start + 2, ")"), len(word))
    kept.append(word[place:])
    return re.sub(r"`[^`]*`", "", " ".join(kept))


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
    for candidate in (_plain(words), program(words)):
        if candidate:
            yield from _calls(candidate)


def _plain(words: Sequence[str]) -> tuple[str, ...]:
    """The words without assignments and prefixes, but with the runner (`hatch run NAME`)."""
    rest = list(words)
    while rest and (rest[0] in BEFORE or ASSIGNMENT.match(rest[0])):
        del rest[0]
    return (_name(rest[0]), *rest[1:]) if rest else ()


def _calls(words: tuple[str, ...]) -> Iterator[str]:
    name, rest = words[0], list(words[1:])
    if UNKNOWN.fullmatch(name) and name in ("$(MAKE)", "${MAKE}"):
        name = "make"
    if name == "nox" and not {"--install-only", "-l", "--list"} & set(rest):
        yield from (f"nox -s {session}" for session in _sessions(rest))
    elif name in ("make", "gmake"):
        if not {"-C", "--directory", "-f", "--file", "-n", "--dry-run"} & set(rest):
            targets = [w for w in rest if not w.startswith("-") and "=" not in w]
            yield from (f"make {target}" for target in targets or [""])
    elif name == "tox":
        yield from (f"tox -e {env}" for env in _environments(rest))
    elif name in ("hatch", "pdm") and rest[:1] == ["run"]:
        inner = _past_options(rest[1:])
        if inner:
            yield f"{name} run {inner[0]}"
    elif name in ("poe", "poethepoet", "task", "taskipy"):
        inner = _past_options(rest)
        if inner:
            yield f"{'poe' if name.startswith('poe') else 'task'} {inner[0]}"


def _sessions(words: Sequence[str]) -> Iterator[str]:
    taking = False
    named = False
    for word in words:
        if word == "--":
            break
        if word in ("-s", "--session", "--sessions", "-e"):
            taking = named = True
        elif match := re.match(r"(?:--sessions?=|-s)(.+)", word):
            taking = named = True
            yield from _plain_session(match[1])
        elif word.startswith("-"):
            taking = False
        elif taking:
            for name in word.split(","):
                yield from _plain_session(name)
    if not named:
        yield ""


def _plain_session(name: str) -> Iterator[str]:
    """A session's name, and the one that its function has, without the version of a Python."""
    yield name
    bare = re.sub(r"-(?:pypy)?\d+\.\d+$", "", name[:500])
    if bare != name:
        yield bare


def _environments(words: Sequence[str]) -> Iterator[str]:
    taking = False
    for word in words:
        if word == "--":
            return
        if taking:
            yield from word.split(",")
            taking = False
        elif word in ("-e", "--env", "-m"):
            taking = word != "-m"
        elif match := re.match(r"(?:-e|--env=?)(.+)", word):
            yield from match[1].split(",")


def script(words: Sequence[str]) -> str:
    """The file of the repository that a command may run, as it is written; empty for none."""
    run = program(words)
    if not run or given_text(words)[1]:
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
        return "" if {"-c", "-m", "-"} & set(run[1:place]) else bare
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
    parts: list[str] = []
    for part in (*PurePosixPath(folder).parts, *PurePosixPath(path).parts):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in (".", "/"):
            parts.append(part)
    return "/".join(parts) or None


def of_python(text: str, path: str, via: str, line: int = 1) -> list[Command]:
    """The commands that a Python program gives to a function, as far as they are literal.

    A text that is no Python is one command, whose words are the text.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [Command(("?", text), path, line, "", via)]
    found = _python_commands(tree, path, via, _values(tree))
    return [replace(command, line=command.line + line - 1) for command in found]


def _values(tree: ast.Module) -> dict[str, ast.expr]:
    """What is given to names, the last where there are several."""
    return {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant | ast.List | ast.Tuple | ast.JoinedStr | ast.Call)
    }


def _python_commands(
    tree: ast.AST, path: str, via: str, values: Mapping[str, ast.expr]
) -> Iterator[Command]:
    said = _said(tree)
    given_words: set[int] = set()
    for node in ast.walk(tree):
        if id(node) in said:
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None) or node.names[0].name
            if module.startswith(("twine.commands", "twine.__main__", "twine.cli")):
                yield Command(("?", "twine", "upload"), path, node.lineno, "", via)
        if isinstance(node, ast.Constant | ast.List | ast.Tuple) and id(node) not in given_words:
            text = " ".join(_literals(node, values))
            if may_publish(text):
                given_words |= {id(inner) for inner in ast.walk(node)}
                yield Command(("?", text), path, node.lineno, "", via)
            continue
        if not isinstance(node, ast.Call):
            continue
        given = [*node.args, *(k.value for k in node.keywords if k.arg in ("args", "cmd"))]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "split":
            given = [node.func.value]
        for argument in given:
            given_words |= {
                id(inner)
                for inner in ast.walk(argument)
                if isinstance(inner, ast.Constant | ast.List | ast.Tuple)
            }
        words = [word for argument in given for word in _literals(argument, values)]
        if len(words) == 1 and " " in words[0]:
            yield from (
                replace(command, line=node.lineno)
                for command in split(words[0], path, node.lineno, via)
            )
        elif words:
            kind, text = given_text(words)
            yield Command(tuple(words), path, node.lineno, "", via, followed=bool(text))
            if kind == "shell":
                yield from split(text, path, node.lineno, via, 1)
            elif kind == "python":
                yield from of_python(text, path, via, node.lineno)


def _said(tree: ast.AST) -> set[int]:
    """The nodes of what a program only says: messages, docstrings, what it raises."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name not in SAYING:
                continue
        elif not isinstance(node, ast.Raise | ast.Assert) and not (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            continue
        # What is said may be computed by a call, which is none of what is said.
        waiting: list[ast.AST] = [node]
        if isinstance(node, ast.Raise) and node.exc is not None:
            waiting.append(node.exc)
        while waiting:
            one = waiting.pop()
            found.add(id(one))
            waiting += [
                inner for inner in ast.iter_child_nodes(one) if not isinstance(inner, ast.Call)
            ]
    return found


def _literals(
    node: ast.expr, values: Mapping[str, ast.expr] = MappingProxyType({})
) -> Iterator[str]:
    """The texts in an argument, with a `?` for each that only a run can tell."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, ast.List | ast.Tuple):
        for item in node.elts:
            yield from _literals(item, values)
    elif isinstance(node, ast.Starred):
        yield from _literals(node.value, values)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.values
        )
    elif isinstance(node, ast.BinOp):
        yield from _literals(node.left, values)
        yield from _literals(node.right, values)
    elif isinstance(node, ast.Name) and isinstance(
        values.get(node.id), ast.Constant | ast.List | ast.Tuple | ast.JoinedStr
    ):
        yield from _literals(values[node.id])
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "split"
        and isinstance(node.func.value, ast.Constant)
    ):
        yield from str(node.func.value.value).split()
    else:
        yield "?"


def of_noxfile(text: str, path: str) -> dict[str, tuple[Command, ...]]:
    """The sessions of a noxfile, as `nox -s NAME`, with what each runs.

    What a session's functions of the same file run counts as its own, and so does a session that
    it notifies.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    values = _values(tree)
    functions = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    found: dict[str, tuple[Command, ...]] = {}
    for node in functions.values():
        names = list(_session_names(node))
        if not names:
            continue
        via = f"nox -s {names[0]}"
        reached = _reached(node, functions)
        commands = [
            command for inner in reached for command in _python_commands(inner, path, via, values)
        ]
        for name in names:
            found[f"nox -s {name}"] = tuple(commands)
    for target, own in list(found.items()):
        notified = [
            command
            for one in own
            for command in found.get(f"nox -s {one.words[0]}", ())
            if len(one.words) == 1
        ]
        found[target] = (*own, *notified)
    return found


def _session_names(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        function = call.func if call is not None else decorator
        name = getattr(function, "attr", getattr(function, "id", ""))
        if "session" not in str(name):
            continue
        given = [
            keyword.value.value
            for keyword in (call.keywords if call is not None else ())
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
        ]
        yield from map(str, given)
        yield node.name


def _reached(node: ast.AST, functions: Mapping[str, ast.AST]) -> list[ast.AST]:
    reached = [node]
    seen = {id(node)}
    for function in reached:
        for call in ast.walk(function):
            name = (
                call.func.id
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                else ""
            )
            inner = functions.get(name)
            if inner is not None and id(inner) not in seen:
                seen.add(id(inner))
                reached.append(inner)
    return reached


def of_makefile(text: str, path: str) -> dict[str, tuple[Command, ...]]:
    """The targets of a Makefile, as `make NAME`, with their recipes and those of what they need."""
    recipes: dict[str, list[Command]] = {}
    needs: dict[str, list[str]] = {}
    current: list[str] = []
    first = ""
    variables = {match[1]: match[2].strip() for match in MAKE_VARIABLE.finditer(text)}
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("\t"):
            recipe = _made(line.strip().lstrip("@-+ "), variables)
            for target in current:
                recipes[target] += split(recipe, path, number, f"make {target}")
            continue
        if line.lstrip().startswith("#") or not line.strip():
            continue
        names, _, rest = line.partition(":")
        rest = rest.removeprefix(":")
        if rest.startswith("=") or "=" in names or (not rest and ":" not in line):
            current = []
            continue
        needed, _, recipe = rest.partition("#")[0].partition(";")
        current = [target for target in names.split() if not target.startswith(".")]
        for target in current:
            first = first or target
            recipes.setdefault(target, [])
            needs.setdefault(target, []).extend(needed.split())
            recipes[target] += split(recipe.strip().lstrip("@-+ "), path, number, f"make {target}")
    found: dict[str, tuple[Command, ...]] = {}
    for target in recipes:
        reached = {target: None}
        waiting = [target] if len(recipes) <= MAX_TARGETS else []
        while waiting:
            known = [name for name in needs[waiting.pop()] if name in recipes.keys() - reached]
            reached |= dict.fromkeys(known)
            waiting += known
        found[f"make {target}"] = tuple(c for name in reached for c in recipes[name])
    if first:
        found["make "] = found.get(f"make {first}", ())
    return found


def _made(recipe: str, variables: Mapping[str, str]) -> str:
    """A recipe with the variables of its Makefile in their place, as far as they are plain."""
    for _ in range(3):
        if len(recipe) > MAX_RECIPE:
            break
        recipe = MAKE_USE.sub(lambda m: variables.get(m[1] or m[2], m[0])[:200], recipe)
    return recipe


def of_tox(text: str, path: str) -> dict[str, tuple[Command, ...]]:
    """The environments of a tox.ini, as `tox -e NAME`, with their commands."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    lines = {line.strip(): number for number, line in enumerate(text.split("\n"), 1)}
    found = {}
    for section in parser.sections():
        name = section.removeprefix("testenv:") if section.startswith("testenv:") else ""
        if not name and section != "testenv":
            continue
        number = lines.get(f"[{section}]", 1)
        commands: list[Command] = []
        for key in ("commands_pre", "commands", "commands_post"):
            for line in parser[section].get(key, "").replace("\\\n", " ").split("\n"):
                commands += split(
                    line.strip().lstrip("-! "),
                    path,
                    lines.get(line.strip(), number),
                    f"tox -e {name}",
                )
        for one in _expanded(name):
            found[f"tox -e {one}"] = tuple(commands)
    return found


def _expanded(name: str) -> list[str]:
    """The names that a generative section stands for: `{a,b}-c` is a-c and b-c."""
    names = [""]
    for part in re.split(r"(\{[^{}]*\})", name)[:20]:
        choices = part[1:-1].split(",") if part.startswith("{") else [part]
        names = [before + choice.strip() for before in names for choice in choices][:200]
    return names


def of_pyproject(text: str, path: str) -> dict[str, tuple[Command, ...]]:
    """The tasks that a pyproject.toml defines for hatch, pdm, poe, taskipy and tox."""
    try:
        tool = tomllib.loads(text).get("tool")
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
    found: dict[str, tuple[Command, ...]] = {}

    def add(target: str, value: Any) -> None:
        line = _line_of(text, value)
        found[target] = tuple(
            command for item in _shell_texts(value) for command in split(item, path, line, target)
        )

    for name, env in _items(tool, "hatch", "envs"):
        for task, value in _items(env, "scripts"):
            add(f"hatch run {name}:{task}", value)
            if name == "default":
                add(f"hatch run {task}", value)
    for form, *keys in (
        ("pdm run", "pdm", "scripts"),
        ("poe", "poe", "tasks"),
        ("task", "taskipy", "tasks"),
    ):
        for task, value in _items(tool, *keys):
            add(f"{form} {task}", value)
    _add_tasks_of_tasks(found)
    for name, env in _items(tool, "tox", "env"):
        for words in env.get("commands", ()) if isinstance(env, Mapping) else ():
            if isinstance(words, list):
                command = Command(
                    tuple(str(w) for w in words), path, _line_of(text, words), "", f"tox -e {name}"
                )
                found[f"tox -e {name}"] = (*found.get(f"tox -e {name}", ()), command)
    legacy = dict(_items(tool, "tox")).get("legacy_tox_ini")
    if isinstance(legacy, str):
        found |= of_tox(legacy, path)
    return found


def _add_tasks_of_tasks(found: dict[str, tuple[Command, ...]]) -> None:
    """Let a task whose command is the name of another one run what that one runs."""
    own = dict(found)
    for target, commands in own.items():
        form = target.rpartition(" ")[0]
        others = dict.fromkeys(command.words[0] for command in commands)
        inner = [own.get(f"{form} {name}", ()) for name in others if f"{form} {name}" != target]
        found[target] = (*commands, *(c for each in inner for c in each))[:MAX_TARGETS]


def _items(table: Any, *keys: str) -> list[tuple[str, Any]]:
    for key in keys:
        table = table.get(key) if isinstance(table, Mapping) else None
    return list(table.items()) if isinstance(table, Mapping) else []


def _shell_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _shell_texts(item)
    elif isinstance(value, Mapping):
        for key in ("cmd", "shell", "script", "composite", "sequence", "interpreter"):
            yield from _shell_texts(value.get(key))


def _line_of(text: str, value: Any) -> int:
    """The line of a task in the file: where the longest of its texts stands, else the first."""
    first = (
        next(_shell_texts(value), "")
        if not isinstance(value, list)
        else " ".join(item for item in value if isinstance(item, str))
    )
    place = text.find(first) if first else -1
    if place < 0 and isinstance(value, list) and value and isinstance(value[0], str):
        place = text.find(f'"{value[0]}"')
    return text.count("\n", 0, place) + 1 if place >= 0 else 1


def option(words: Sequence[str], *names: str) -> bool:
    """Whether a command has one of the options, be it as `--name=value`."""
    return any(word == name or word.startswith(f"{name}=") for word in words for name in names)
