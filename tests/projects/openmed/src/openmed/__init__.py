"""Finds terms of medicine in text. The version is the tag that it was built from."""

from importlib.metadata import version

__all__ = ["__version__", "terms"]

__version__ = version("openmed")

TERMS = frozenset({"aspirin", "fever", "insulin"})


def terms(text: str) -> list[str]:
    """The terms of medicine in a text, in their order."""
    words = (word.strip(".,;:!?").lower() for word in text.split())
    return [word for word in words if word in TERMS]
