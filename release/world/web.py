"""Reads over HTTP, bounded in time, size, redirects and attempts."""

from __future__ import annotations

import io
import json
import queue
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import responses
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit, urlunsplit

from release.errors import CannotCheck
from release.text.masking import MASK

if TYPE_CHECKING:
    from requests import PreparedRequest

T = TypeVar("T")
# Seconds until a connection stands, between two packets, and for the whole answer: names are looked
# up without any limit, and a server that sends a byte now and then never runs into the second.
CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
WHOLE_SECONDS = 60.0
# The largest page of an index, of a project with tens of thousands of files, has half of that.
MAX_BYTES = 32 * 1024 * 1024
ATTEMPTS = 3
LONGEST_WAIT = 10.0
FIRST_WAIT = 0.5
REDIRECTS = 5
BUSY = (429, 502, 503, 504)
MOVED = (301, 302, 303, 307, 308)
# A secondary rate limit need not come with a header, and lasts a minute at least then
# (https://docs.github.com/rest, "Rate limits").
SECONDARY = "secondary rate limit"
SECONDARY_SECONDS = 60.0
NETWORK = "look at the network and at the proxy settings, and run it again"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: the status, the headers (names in small letters) and the text.

    `url` is the address that answered in the end.
    """

    status: int
    headers: Mapping[str, str]
    text: str
    url: str = ""

    def json(self) -> Any:
        """The text as JSON. Raises ValueError when it is none, or nested beyond reading."""
        try:
            return json.loads(self.text)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def told(self, who: str, remedy: str = "run it again later") -> Any:
        """The JSON that `who` (a name for messages) tells. Raises CannotCheck for anything else."""
        if self.status != 200:
            raise CannotCheck(f"{who} {self.refusal}", remedy)
        try:
            return self.json()
        except ValueError:
            raise CannotCheck(f"{who} does not answer in JSON", "look at its address") from None

    @property
    def refusal(self) -> str:
        """What the server answers instead of what was asked for, in words."""
        said = f"answers {self.status} {responses.get(self.status, '')}".rstrip()
        again = "" if self.wait is None else f", and is to be asked again in {self.wait:.0f} s"
        return f"{said}{again}"

    @property
    def wait(self) -> float | None:
        """The seconds after which the server wants to be asked again, if it names any."""
        after = self.headers.get("retry-after", "")
        if after.isdecimal():
            return min(float(after), 1e9)
        if after:
            try:
                return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
            except (ValueError, OverflowError):
                return None
        reset = self.headers.get("x-ratelimit-reset", "")
        if self.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
            return max(0.0, min(float(reset), 1e12) - time.time())
        if self.status in (403, 429) and SECONDARY in self.text.lower():
            return SECONDARY_SECONDS
        return None

    @property
    def limited(self) -> bool:
        """Whether the server answers nothing because it was asked too often."""
        return self.status == 429 or (self.status == 403 and self.wait is not None)


@dataclass(frozen=True, slots=True)
class _Question:
    """One request; see `get`."""

    method: str
    url: str
    headers: Mapping[str, str]
    token: str | None
    netrc: bool
    into: Path | None
    limit: int


def get(
    url: str,
    who: str,
    *,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    netrc: bool = True,
    elsewhere: bool = False,
    method: str = "GET",
    remaining: Callable[[], float] = lambda: WHOLE_SECONDS,
    into: Path | None = None,
    limit: int | None = None,
) -> Answer:
    """Ask for `url`, which `who` (a name for messages) answers.

    `token` goes into the Authorization header and is struck out of the answer; without one, and
    unless `netrc` is off, the user's netrc file counts. A busy server is asked again after a short
    wait; redirects are followed to the same server, and with `elsewhere` over https (or, without a
    token, as openly as before) to another one, which does not get the token. `remaining` gives the
    seconds left and raises when there are none. The body is written to the file `into`, and may
    then take all the time that is left; it is the answer's text without one. `limit` is how many
    bytes it may have. Raises CannotCheck, with neither address nor token in it, when there is no
    answer to be had.
    """
    limit = MAX_BYTES if limit is None else limit
    asked = _Question(method, url, headers or {}, token, netrc, into, limit)
    for _ in range(REDIRECTS + 1):
        answer = _ask(asked, who, remaining)
        target = answer.headers.get("location")
        if answer.status not in MOVED or not target:
            return answer
        target = urljoin(asked.url, target)
        open_as_before = not asked.token and origin(target)[0] == origin(asked.url)[0]
        if (same := as_on(target, asked.url)) is not None:
            asked = replace(asked, url=same)
        elif elsewhere and (origin(target)[0] == "https" or open_as_before):
            asked = replace(asked, url=target, token=None, netrc=False)
        else:
            raise CannotCheck(
                f"{who} redirects to another server, {urlsplit(target).hostname}",
                "look at its address, and at the proxy settings",
            )
    raise CannotCheck(f"{who} redirects without an end", "look at its address")


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of an address; what no address is has none."""
    try:
        parts = urlsplit(url)
        usual = {"http": 80, "https": 443}.get(parts.scheme)
        return parts.scheme, parts.hostname, parts.port or usual
    except ValueError:
        return "", None, None


def as_on(url: str, known: str) -> str | None:
    """An address with the credentials of another one on the same server; None on any other."""
    if origin(url) != origin(known):
        return None
    parts = urlsplit(url)
    return url if parts.username else urlunsplit(parts._replace(netloc=urlsplit(known).netloc))


def _ask(asked: _Question, who: str, remaining: Callable[[], float]) -> Answer:
    """One answer, after as many attempts as a busy server or a lost connection deserve."""
    from requests import ConnectionError as Disconnected
    from requests import ConnectTimeout, RequestException

    for attempt in range(1, ATTEMPTS + 1):
        wait = FIRST_WAIT * 2 ** (attempt - 1)
        seconds = remaining() if asked.into else min(WHOLE_SECONDS, remaining())
        try:
            answer = _within(seconds, partial(_once, asked))
        except Disconnected as error:
            if attempt == ATTEMPTS or isinstance(error, ConnectTimeout):
                raise CannotCheck(f"{who} cannot be reached: {words(error)}", NETWORK) from None
        except RequestException as error:
            raise CannotCheck(f"{who} gives no whole answer: {words(error)}", NETWORK) from None
        except TimeoutError:
            remaining()
            said = f"{who} gives no whole answer in {seconds:.3g} s"
            raise CannotCheck(said, NETWORK) from None
        except OverflowError as error:
            said = f"{who} answers more than {error}"
            raise CannotCheck(said, "look at its address") from None
        else:
            if not answer.limited and answer.status not in BUSY:
                return answer
            wait = wait if answer.wait is None else answer.wait
            if attempt == ATTEMPTS or wait > LONGEST_WAIT:
                return answer
        time.sleep(wait)
    raise AssertionError("every attempt ends")


def _once(asked: _Question) -> Answer:
    """One request. Raises what requests raises, and OverflowError for an answer too large."""
    import requests

    token, into = asked.token, asked.into

    def authorise(request: PreparedRequest) -> PreparedRequest:
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    response = requests.request(
        asked.method,
        asked.url,
        headers={"User-Agent": "nox-release", **asked.headers},
        # A function for it keeps requests from taking a netrc entry in its place.
        auth=None if asked.netrc and not token else authorise,
        timeout=(CONNECT_SECONDS, READ_SECONDS),
        allow_redirects=False,
        stream=True,
    )
    kept = io.BytesIO()
    with response, nullcontext(kept) if into is None else into.open("wb") as body:
        for chunk in response.iter_content(65_536):
            body.write(chunk)
            if body.tell() > asked.limit:
                raise OverflowError(f"{asked.limit:,} bytes")
    text = kept.getvalue().decode("utf-8-sig", "replace")
    return Answer(
        response.status_code,
        {name.lower(): value for name, value in response.headers.items()},
        text.replace(token, MASK) if token else text,
        asked.url,
    )


def _within(seconds: float, action: Callable[[], T]) -> T:
    """What `action` returns or raises; TimeoutError when it takes longer, and is left behind."""
    ended: queue.SimpleQueue[tuple[T] | BaseException] = queue.SimpleQueue()

    def work() -> None:
        try:
            ended.put((action(),))
        except BaseException as error:  # handed on to who asked
            ended.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        result = ended.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(result, BaseException):
        raise result
    return result[0]


def words(error: BaseException) -> str:
    """The kind of an error in words: its text may hold the address, or a header."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
