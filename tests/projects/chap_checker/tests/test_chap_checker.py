from chap_checker import page


def test_the_page_shows_what_was_found() -> None:
    assert "<main>nothing</main>" in page("nothing")
