"""A few primitives for small agents."""

__all__ = ["PRIMITIVES", "Primitive", "__version__"]

__version__ = "0.4.2"

# The contract: agents rely on these, and on there being no others.
PRIMITIVES = (
    *("ask", "call", "forget", "hand_off", "note"),
    *("plan", "read", "recall", "wait", "write"),
)


class Primitive:
    """Something that an agent can do, by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return f"<{self.name}>"
