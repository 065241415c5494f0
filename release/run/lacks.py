"""What a command died of that is not the project's.

Modules, plug-ins of pytest, programs, Pythons, and the network.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator

MODULE = re.compile(
    r"^(?:E\s+)?(?:ModuleNotFoundError|ImportError): No module named [\"']([\w.]+)[\"']"
    r"|Failed to import filter module [\"']([\w.]+)[\"']"
    r"|Error importing plugin [\"']([\w.]+)[\"']",
    re.M,
)
FIXTURE = re.compile(r"^E\s+fixture '(\w+)' not found(?:\n>\s+available fixtures: (.*))?", re.M)
UNKNOWN_OPTIONS = re.compile(r"error: unrecognized arguments: (.*)(?=(?:\n.*)*\n  inifile: )", re.M)
# Modules of plug-ins, with the fixtures and options by which they are known.
PLUGINS = {
    "hypothesis": ("--hypothesis",),
    "faker": ("faker",),
    "nbval": ("--nbval",),
    "pyfakefs": ("fs",),
    "pytest_aiohttp": ("aiohttp_client",),
    "pytest_asyncio": ("event_loop", "--asyncio"),
    "pytest_benchmark": ("benchmark", "--benchmark"),
    "pytest_codspeed": ("--codspeed",),
    "pytest_cov": ("--cov",),
    "pytest_datadir": ("datadir",),
    "pytest_django": ("live_server", "django_user_model", "--ds"),
    "pytest_doctestplus": ("--doctest-plus", "--doctest-rst"),
    "pytest_freezer": ("freezer",),
    "pytest_html": ("--html",),
    "pytest_httpserver": ("httpserver",),
    "pytest_httpx": ("httpx_mock",),
    "pytest_mock": ("mocker", "class_mocker"),
    "pytest_mpl": ("--mpl",),
    "pytest_mypy": ("--mypy",),
    "pytest_randomly": ("--randomly",),
    "pytest_rerunfailures": ("--reruns",),
    "pytest_subtests": ("subtests",),
    "pytest_timeout": ("--timeout",),
    "pytest_xdist": ("-n", "--dist", "--numprocesses"),
    "pytestqt": ("qtbot",),
    "requests_mock": ("requests_mock",),
    "respx": ("respx_mock",),
    "syrupy": ("snapshot",),
    "xdoctest": ("--xdoc",),
}
KNOWN_BY = {name: module for module, names in PLUGINS.items() for name in names}
STARTED = re.compile(
    r"^E?[ \t]*FileNotFoundError: .*No such file or directory: '([^'/\s]+)'$", re.M
)
# As shells and make, uv, nox, tox, pre-commit and prek say that they cannot start a program.
NOT_STARTED = re.compile(
    r"^(?:make(?:\[\d+\])?|(?:/\S+/)?(?:ba|da)?sh): (?:(?:line )?\d+: |\S+: line \d+: )?"
    r"([^\s:/]+): (?:command not found|not found|No such file or directory)$"
    r"|^error: Failed to spawn: `?([^\s`]+)|^nox > Program (\S+) not found"
    r"|Exception running subprocess \[Errno 2\] No such file or directory: '([^'/\s]+)'"
    r"|^Executable `([^`]+)` not found$|^[ \t]+caused by: Failed to run `([^`]+)`$",
    re.M,
)
INTERPRETER = re.compile(
    r"could not find python interpreter.*?\b(?:python)?(\S+)$|Python interpreter (\S+) not found"
    r"|No interpreter found for (?:Python )?(\S+)",
    re.M,
)
# Also a server on this machine that is not there.
# As pip and uv say that an index has nothing for this Python and this machine.
NOT_OFFERED = re.compile(r"^ERROR: No matching distribution found for ([^\s;]+)", re.M)
OTHER_PYTHON = re.compile(r"the current Python version \([\w.]+\) does not satisfy Python([^\s,]+)")
NETWORK = re.compile(
    r"Temporary failure (?:in name resolution|resolving)|Name or service not known"
    r"|Network is unreachable"
    r"|getaddrinfo failed|nodename nor servname provided|No address associated with hostname"
    r"|Could(?: not|n't) resolve host|dns error|No route to host|Max retries exceeded with url"
    r"|Connection (?:was )?(?:refused|reset|aborted)\b|All connection attempts failed"
    r"|Failed to establish a new connection|Failed to connect to |Cannot connect to host"
    r"|(?:Read|Connection) timed out|(?:connection|connect call) failed"
    r"|(?:urlopen error|handshake operation) .*timed out|Tunnel connection failed"
    r"|certificate verif(?:y|ication) failed|CERTIFICATE_VERIFY_FAILED"
    r"|Unable to connect to proxy|Remote end closed connection|error sending request for url",
    re.I,
)
UNREACHED = re.compile(
    r"(?:[\w.]+\.)?(?:(?:Connect|Connection|Read|Pool)Timeout(?:Error)?|gaierror|URLError|ProxyError"
    r"|Connect(?:ion(?:Refused|Reset|Aborted)?)?Error|(?:MaxRetry|NewConnection|NameResolution)Error"
    r"|SSL(?:CertVerification)?Error|RemoteDisconnected|ServerDisconnectedError"
    r"|ClientConnector\w*Error)\b"
)
# The head of a failed test as pytest and unittest print it, what it raised, and where that was.
FAILURE = re.compile(r"^(?:_{3,} .+ _{3,}|(?:ERROR|FAIL): \w+ \(.+)$", re.M)
RAISED = re.compile(
    r"^E {2,}(\S.*)(?:\nE.*)*"
    r"|^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\S.*)",
    re.M,
)
PLACE = re.compile(r"^(?:[ \t]*File \"([^\"\n]+)\", line \d+|(\S+):\d+: )", re.M)
EXPECTED = re.compile(r"assert\b|AssertionError\b|Failed\b")
# Where a test plays that there is no network.
PLAYED = re.compile(
    r"(?:^|[/\\])(?:tests?|test_[^/\\]*|[^/\\]*_test\.py|conftest\.py|[^/\\]*mock[^/\\]*)"
)
INSTALLED = re.compile(r"^(?:/|[A-Za-z]:|\.\.)|site-packages")
# Lines that quote code, in tracebacks and in what linters print.
QUOTED = re.compile(
    r"^[ \t]*File \".*\n.*|^[ \t]*\d*[ \t]*\|.*|^\S+:\d+(?::\d+)?: .*"
    r"|^.*\b(?:assert\b|AssertionError).*|^[ \t]{4,}(?![ \t]*(?:fatal|error|caused by)\b).*",
    re.M | re.I,
)
SESSION = re.compile(r"Sessions not found: (\S+)$", re.M)
# Of a session of nox that did not run, which fails nothing.
LEFT_OUT = re.compile(r"^nox > (Session \S+ skipped: .*)$", re.M)
# What a library says itself of an optional module that is not there.
OPTIONAL = re.compile(r"^(?:E\s+)?ModuleNotFoundError: (?!No module named)(\S.{0,80})$", re.M)
LOCALE = re.compile(
    r"^(?:(?:E\s+)?[\w.]*Error: |UNEXPECTED EXCEPTION: Error\(')unsupported locale setting", re.M
)
HOST = re.compile(r"(?:https?://|host=['\"])([\w.-]+)")


def lacks(text: str, own: frozenset[str], *, test: bool = False) -> set[str]:
    """What is missing by what a command, or one `test`, said: modules by name, the rest in words.

    `own` are the modules of the project: what is called like one of them is its own to bring.
    """
    plug_ins = {*_fixtures(text), *_options(text)}
    return {*_modules(text, own), *plug_ins, *_programs(text, own), *_surroundings(text, test)}


def told(names: Iterable[str]) -> str:
    """What is missing, as the end of "… needs"."""
    names = sorted(names)
    kind = (
        "what is not here"
        if any(" " in name for name in names)
        else "modules that are not installed"
    )
    return f"{kind}: {', '.join(names)}"


def remedy_for(names: Iterable[str], install: Callable[[Iterable[str]], str]) -> str:
    """What to do about it; `install` says so of modules."""
    modules = [name for name in sorted(names) if " " not in name]
    others = [name for name in sorted(names) if " " in name]
    said = [install(modules)] if modules else []
    if others:
        said.append(f"run it where there is {', '.join(others)}")
    return "; ".join(said)


def _modules(text: str, own: frozenset[str]) -> Iterator[str]:
    for found in MODULE.findall(text):
        name = next(filter(None, found))
        if name.partition(".")[0] not in own:
            yield name


def _fixtures(text: str) -> Iterator[str]:
    """The plug-ins of fixtures that were not found; one that is almost there was misspelt."""
    for name, available in FIXTURE.findall(text):
        if not difflib.get_close_matches(name, re.split(r",\s*", available), 1, 0.8):
            yield KNOWN_BY.get(name, f"a plug-in with the fixture {name}")


def _options(text: str) -> Iterator[str]:
    """The plug-ins of options that pytest does not know."""
    for said in UNKNOWN_OPTIONS.findall(text):
        words = [word for word in said.split() if word.startswith("-")]
        known = {
            found for word in words for option, found in KNOWN_BY.items() if _fits(word, option)
        }
        yield from known or [f"a plug-in that takes {said}"]


def _fits(word: str, option: str) -> bool:
    """Whether a word on a command line is that option; what a fixture is called never is."""
    return word.startswith(option) if option.startswith("--") else word[:2] == option


def _programs(text: str, own: frozenset[str]) -> Iterator[str]:
    found = ["".join(names) for names in NOT_STARTED.findall(text)]
    if "subprocess.py" in text:
        found += STARTED.findall(text)
    for name in found:
        if name.replace("-", "_") not in own:
            yield f"the program {name}"


def _surroundings(text: str, test: bool) -> Iterator[str]:
    for found in INTERPRETER.findall(text):
        yield f"Python {next(filter(None, found))}"
    for found in NOT_OFFERED.findall(text):
        yield f"a distribution of {found} for this Python"
    yield from (f"Python {found}" for found in OTHER_PYTHON.findall(text))
    unreached = _unreached(text, test=test)
    if unreached:
        host = HOST.search(unreached)
        yield f"the network ({host[1]})" if host else "the network"
    for said in OPTIONAL.findall(text):
        yield f"the optional module of {said!r} (an extra or a group of the gate's settings)"
    for found in SESSION.findall(text):
        yield f"the session {found}"
    if LOCALE.search(text):
        yield "the locale that they set"


def _unreached(text: str, *, test: bool) -> str:
    """The line by which something failed for want of a network; empty where it did not.

    Of tests, what each raised in the end must be that. What they quote or expect is not what
    happened, nor is what a test of them plays.
    """
    failed = [text] if test else FAILURE.split(text)[1:]
    if not failed and re.search(r"^E {2,}\S", text, re.M):
        failed = [found[0] for found in RAISED.finditer(text)]
    if failed:
        raised = [*map(_raised, failed)]
        return raised[0] if all(raised) else ""
    for line in QUOTED.sub("", text).splitlines():
        if NETWORK.search(line) or UNREACHED.match(line):
            return line
    return ""


def _raised(failure: str) -> str:
    """What a test raised in the end, where that says that a network is not there."""
    first = failure.partition("\n")[0]
    said = next(("".join(groups) for groups in reversed(RAISED.findall(failure))), first)
    place = next(("".join(groups) for groups in reversed(PLACE.findall(failure))), "/")
    if EXPECTED.match(said) or (PLAYED.search(place) and "site-packages" not in place):
        return ""
    known = UNREACHED.match(said) and INSTALLED.search(place)
    return said if known or NETWORK.search(said) else ""
