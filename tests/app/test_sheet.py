"""Lines that are drawn for a width, whoever is late to say so."""

from __future__ import annotations

from textual.app import App, ComposeResult

from tui.app.present import Label
from tui.app.themes import variables_for
from tui.app.widgets.facts import Facts, Labels

SENTENCE = "one two three four five six seven eight nine ten eleven twelve"


class FilledOnce(App[None]):
    """Fills its sheets before the first layout, and never again."""

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variables_for(self.current_theme)

    def compose(self) -> ComposeResult:
        yield Labels(id="labels")
        yield Facts(id="facts")

    def on_mount(self) -> None:
        self.query_one(Labels).show([Label("left")], Label("right"))
        self.query_one(Facts).show([("Word", Label(SENTENCE))])


def lines_of(app: App[None]) -> list[str]:
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


async def test_what_was_shown_before_the_first_layout_is_as_wide_as_the_terminal() -> None:
    async with FilledOnce().run_test(size=(80, 10)) as pilot:
        await pilot.pause()
        assert lines_of(pilot.app)[0] == f"left{'right':>76}"
        assert lines_of(pilot.app)[1] == f"Word      {SENTENCE}"
        assert not "".join(lines_of(pilot.app)[2:])


async def test_another_width_is_filled_without_being_told() -> None:
    async with FilledOnce().run_test(size=(80, 10)) as pilot:
        await pilot.pause()
        await pilot.resize_terminal(40, 10)
        await pilot.pause()
        assert lines_of(pilot.app)[0] == f"left{'right':>36}"
        assert lines_of(pilot.app)[1:4] == [
            "Word      one two three four five six",
            "          seven eight nine ten eleven",
            "          twelve",
        ]
