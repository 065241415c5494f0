"""Keeps settings of a service, and says whether they are safe."""

import sys

__all__ = ["__version__", "main", "read", "unsafe"]

__version__ = "0.6.1"

SAFE = {"debug": "no", "secure_cookies": "yes"}
DEFAULTS = {"debug": "no", "secure_cookies": "yes"}


def read(text: str) -> dict[str, str]:
    """The settings in a text of NAME = VALUE lines; other lines are passed over."""
    pairs = (line.partition("=") for line in text.split("\n"))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def unsafe(settings: dict[str, str]) -> list[str]:
    """The names of settings that no service in production may have."""
    merged = DEFAULTS | settings
    return [name for name, value in SAFE.items() if merged[name] != value]


def main() -> None:
    """Answer `aksara migrate`, `aksara status` and `aksara doctor production-check`."""
    if sys.argv[1:] in (["migrate"], ["status"]):
        from aksara import migrator

        migrator.run(sys.argv[1])
        return
    if sys.argv[1:] != ["doctor", "production-check"]:
        raise SystemExit("usage: aksara migrate | status | doctor production-check")
    if found := unsafe({}):
        raise SystemExit(f"not safe: {', '.join(found)}")
    print(f"aksara {__version__}: the defaults are safe")
