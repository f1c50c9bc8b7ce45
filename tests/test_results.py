import paste_results
import pytest


@pytest.mark.parametrize("page", paste_results.pages(), ids=lambda page: page.stem)
def test_the_figures_of_a_page_are_those_its_command_wrote(page):
    text = page.read_text()

    assert paste_results.with_results(text) == text


def test_a_figure_typed_by_hand_would_be_noticed():
    page = paste_results.pages()[0].read_text()
    digit = page.index("0.", page.index("<!-- result"))

    assert paste_results.with_results(page[:digit] + "9" + page[digit + 1 :]) == page
