import os
import random
import time

from aksara import read

ROUNDS = int(os.environ.get("AKSARA_FUZZ_ROUNDS", "20"))
SECONDS = float(os.environ.get("AKSARA_FUZZ_SECONDS", "5"))


def test_any_text_can_be_read() -> None:
    letters = random.Random(1)
    end = time.monotonic() + SECONDS
    for _ in range(ROUNDS):
        text = "".join(letters.choices("ab= \n\t\0é", k=80))
        assert all(name == name.strip() for name in read(text))
        if time.monotonic() > end:
            break
