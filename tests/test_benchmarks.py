import pytest

from benchmarks import commands, paste_results
from benchmarks.sets import micro, set_tables


@pytest.mark.parametrize("page", paste_results.pages(), ids=lambda page: page.stem)
def test_the_figures_of_a_page_are_those_its_command_wrote(page):
    text = page.read_text()

    assert paste_results.with_results(text) == text


def test_a_figure_typed_by_hand_would_be_noticed():
    page = paste_results.pages()[0].read_text()
    digit = page.index("0.", page.index("<!-- result"))

    assert paste_results.with_results(page[:digit] + "9" + page[digit + 1 :]) == page


def test_every_set_of_images_has_its_lines_whether_it_has_been_scored_or_not():
    lines = set_tables.micro_table().splitlines()
    for name, kind in micro.SETS.items():
        assert len([line for line in lines if line.startswith(f"| {name} |")]) == len(
            kind.scores
        )


@pytest.fixture
def tree(tmp_path):
    """A repository with one module."""
    module = tmp_path / "src" / "module.py"
    module.parent.mkdir()
    module.write_text("before = 1\n")
    person = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (["init", "-q"], ["add", "."], [*person, "commit", "-q", "-m", "first"]):
        commands.git(tmp_path, *words)
    return tmp_path


def test_a_commit_is_marked_where_the_code_was_changed_since(tree):
    clean = commands.commit(tree)
    (tree / "notes.txt").write_text("no code")
    assert commands.commit(tree) == clean
    (tree / "src" / "module.py").write_text("before = 2\n")
    assert commands.commit(tree) == f"{clean}-dirty"


def test_all_commits_that_scores_were_computed_with_are_kept(tmp_path, monkeypatch):
    row = tmp_path / "scores" / "row"
    for commit in ("first", "second", "first"):
        monkeypatch.setattr(commands, "commit", lambda tree, commit=commit: commit)
        commands.note_commit(row)
    assert (row / "commit").read_text() == "first, second"
    (row / "summary.json").touch()
    monkeypatch.setattr(commands, "commit", lambda tree: "third")
    commands.note_commit(row)
    assert (row / "commit").read_text() == "first, second"
