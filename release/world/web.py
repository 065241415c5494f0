"""Reads JSON over HTTP, bounded in time, size, redirects and attempts."""

from __future__ import annotations

import json
import queue
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

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
MAX_BYTES = 16 * 1024 * 1024
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
    """What a server answered: the status, the headers (names in small letters) and the text."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        """The text as JSON. Raises ValueError when it is none, or nested beyond reading."""
        try:
            return json.loads(self.text)
        except RecursionError:
            raise ValueError("nested too deeply") from None

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


def get(
    url: str,
    who: str,
    *,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    netrc: bool = True,
    elsewhere: bool = False,
    remaining: Callable[[], float] = lambda: WHOLE_SECONDS,
) -> Answer:
    """Ask for `url`, which `who` (a name for messages) answers.

    `token` goes into the Authorization header and is struck out of the answer; without one, and
    unless `netrc` is off, the user's netrc file counts. A busy server is asked again after a short
    wait; redirects are followed to the same server, and with `elsewhere` over https to another one,
    which does not get the token. `remaining` gives the seconds left and
    raises when there are none. Raises CannotCheck, with neither address nor token in it, when there
    is no answer to be had.
    """
    place = url
    for _ in range(REDIRECTS + 1):
        answer = _ask(partial(_once, place, headers or {}, token, netrc), who, remaining)
        target = answer.headers.get("location")
        if answer.status not in MOVED or not target:
            return answer
        target = urljoin(place, target)
        if origin(target) == origin(url):
            place = target
        elif elsewhere and target.startswith("https://"):
            place, token, netrc = target, None, False
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


def _ask(once: Callable[[], Answer], who: str, remaining: Callable[[], float]) -> Answer:
    """One answer, after as many attempts as a busy server or a lost connection deserve."""
    from requests import ConnectionError as Disconnected
    from requests import ConnectTimeout, RequestException

    for attempt in range(1, ATTEMPTS + 1):
        wait = FIRST_WAIT * 2 ** (attempt - 1)
        try:
            answer = within(min(WHOLE_SECONDS, remaining()), once)
        except Disconnected as error:
            if attempt == ATTEMPTS or isinstance(error, ConnectTimeout):
                raise CannotCheck(f"{who} cannot be reached: {words(error)}", NETWORK) from None
        except RequestException as error:
            raise CannotCheck(f"{who} cannot be asked: {words(error)}", NETWORK) from None
        except TimeoutError:
            remaining()
            raise CannotCheck(f"{who} did not answer in {WHOLE_SECONDS:g} s", NETWORK) from None
        except OverflowError:
            raise CannotCheck(
                f"{who} answers more than {MAX_BYTES // 1024 // 1024} MiB", "look at its address"
            ) from None
        else:
            if not answer.limited and answer.status not in BUSY:
                return answer
            wait = wait if answer.wait is None else answer.wait
            if attempt == ATTEMPTS or wait > LONGEST_WAIT:
                return answer
        time.sleep(wait)
    raise AssertionError("every attempt ends")


def _once(url: str, headers: Mapping[str, str], token: str | None, netrc: bool) -> Answer:
    """One request. Raises what requests raises, and OverflowError for an answer too large."""
    import requests

    def authorise(request: PreparedRequest) -> PreparedRequest:
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    response = requests.get(
        url,
        headers={"User-Agent": "nox-release", **headers},
        # A function for it keeps requests from taking a netrc entry in its place.
        auth=None if netrc and not token else authorise,
        timeout=(CONNECT_SECONDS, READ_SECONDS),
        allow_redirects=False,
        stream=True,
    )
    with response:
        body = bytearray()
        for chunk in response.iter_content(65_536):
            body += chunk
            if len(body) > MAX_BYTES:
                raise OverflowError
    text = body.decode("utf-8", "replace")
    return Answer(
        response.status_code,
        {name.lower(): value for name, value in response.headers.items()},
        text.replace(token, MASK) if token else text,
    )


def within(seconds: float, action: Callable[[], T]) -> T:
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
