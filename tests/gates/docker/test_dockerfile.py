from __future__ import annotations

import pytest

from release.gates.docker.dockerfile import instructions, label_arguments, label_line, last

VERSION = "org.opencontainers.image.version"
REVISION = "org.opencontainers.image.revision"
LABELS = {VERSION: "1.2.3", REVISION: "0123abc"}
NAMES = {VERSION: ("VERSION",), REVISION: ("REVISION", "VCS_REF")}


def read(text: str) -> list[tuple[str, str, int]]:
    return [(item.keyword, item.rest, item.line) for item in instructions(text)]


def arguments(text: str) -> dict[str, str]:
    return label_arguments(instructions(text), LABELS, NAMES)


def test_an_instruction_keeps_its_first_line_and_loses_its_continuations() -> None:
    text = "# comment\n\nfrom base:1\nRUN one && \\\n    # why\n\n    two\nUSER 1000\n"
    assert read(text) == [("FROM", "base:1", 3), ("RUN", "one && two", 4), ("USER", "1000", 8)]


def test_windows_line_ends_and_a_missing_last_one_change_nothing() -> None:
    assert read("FROM a\r\nRUN b \\\r\n  c\r\nUSER 1") == read("FROM a\nRUN b \\\n  c\nUSER 1\n")


def test_a_file_that_ends_in_a_continuation_is_read_to_its_end() -> None:
    assert read("FROM a\nRUN b \\\n") == [("FROM", "a", 1), ("RUN", "b", 2)]


def test_the_body_of_a_here_document_is_no_instruction() -> None:
    text = (
        "FROM a\nRUN <<EOF\nUSER root\nEOF\nCOPY <<-'ONE' <<TWO /x/\n\tUSER a\n\tONE\nTWO\nUSER b\n"
    )
    assert [item[0] for item in read(text)] == ["FROM", "RUN", "COPY", "USER"]
    assert read(text)[-1] == ("USER", "b", 9)


@pytest.mark.parametrize("run", ["cat <<EOF", 'echo "as in cat <<EOF" > help'])
def test_a_here_document_without_an_end_hides_nothing(run: str) -> None:
    assert [item[0] for item in read(f"FROM a\nRUN {run}\nUSER b\n")] == ["FROM", "RUN", "USER"]


def test_labels_are_read_in_every_spelling() -> None:
    found = instructions('LABEL a=1 "b c"="d e" f=$G\nLABEL old style value\nLABEL broken="\n')
    assert found[0].pairs == {"a": "1", "b c": "d e", "f": "$G"}
    assert found[1].pairs == {"old": "style value"}
    assert found[2].pairs == {}


def test_the_last_of_several_instructions_counts() -> None:
    found = instructions("FROM a\nUSER root\nLABEL x=1\nUSER app\nLABEL x=2 y=1\n")
    user = last(found, "USER")
    assert user is not None
    assert (user.rest, user.line) == ("app", 4)
    assert label_line(found, "x") == 5
    assert label_line(found, "z") is None
    assert last(found, "CMD") is None


def test_an_argument_of_any_name_is_given_when_a_label_takes_its_value_from_it() -> None:
    text = f"FROM a\nARG V=dev\nARG SHA\nLABEL {VERSION}=$V\nLABEL {REVISION}=${{SHA:-none}}\n"
    assert arguments(text) == {"V": "1.2.3", "SHA": "0123abc"}


def test_a_label_made_of_two_variables_or_of_none_gives_no_argument() -> None:
    assert arguments(f"FROM a\nARG A\nARG B\nLABEL {VERSION}=$A-$B\n") == {}
    assert arguments(f"FROM a\nARG A\nLABEL {VERSION}=1.2.3\n") == {}


def test_a_variable_that_is_no_argument_is_not_given() -> None:
    assert arguments(f"FROM a\nENV A=1\nLABEL {VERSION}=$A\nLABEL {REVISION}=$B\n") == {}


def test_usual_names_are_given_where_they_have_no_default() -> None:
    assert arguments("FROM a\nARG VERSION\nARG VCS_REF\nARG OTHER\n") == {
        "VERSION": "1.2.3",
        "VCS_REF": "0123abc",
    }
    assert arguments("FROM a\nARG VERSION=3.12\n") == {}


def test_an_argument_that_chooses_the_base_image_is_left_alone() -> None:
    assert arguments("ARG VERSION\nFROM python:${VERSION}-slim\nARG VERSION\n") == {}
