"""A few primitives for small agents."""

__all__ = ["Primitive", "__version__"]

__version__ = "0.4.2"


class Primitive:
    """Something that an agent can do, by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return f"<{self.name}>"
