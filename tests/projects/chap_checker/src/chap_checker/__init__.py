"""Checks models, and shows what it found in a browser."""

from importlib.metadata import version
from importlib.resources import files

__all__ = ["__version__", "page"]

__version__ = version("chap-checker")


def page(found: str) -> str:
    """The page that shows what was found."""
    template = files(__name__).joinpath("web_ui", "index.html").read_text(encoding="utf-8")
    return template.replace("{found}", found)
