import os
import random

from aksara import read


def test_any_text_can_be_read() -> None:
    letters = random.Random(1)
    for _ in range(int(os.environ.get("AKSARA_FUZZ_ROUNDS", "20"))):
        text = "".join(letters.choices("ab= \n\t\0é", k=80))
        assert all(name == name.strip() for name in read(text))
