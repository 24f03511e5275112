"""Profiles as a table, as facts and as numbered text: pure functions, as in `tables`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tui.app import away, present, results
from tui.app.present import Fact, Label, Tone
from tui.app.tables import Column, Table, TableRow
from tui.contracts import ProfilePage, ProfileSource
from tui.model.phase import Outcome
from tui.model.spec import PinPolicy, RunId, RunSpec
from tui.model.text import clean, clean_line
from tui.model.units import format_duration

LINES_SHOWN = 500
"""Of a profile's text; what is longer is for an editor."""
RUNS_SHOWN = 4
_NAME, _FROM, _IMAGE, _SIZE = Column("NAME", 18), Column("FROM", 9), Column("IMAGE", 16), Column("SIZE", 16)
_SAYS_MIN = 24
_SOURCES = {
    ProfileSource.HERE: Label("here", "busy"),
    ProfileSource.YOURS: Label("yours", "text"),
    ProfileSource.SHIPPED: Label("shipped", "muted"),
}
_WHERE = {
    ProfileSource.HERE: "./profiles, of the folder you are in",
    ProfileSource.YOURS: "your own folder",
    ProfileSource.SHIPPED: "came with dayfly: c makes a copy of your own, to be changed",
}


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """One run of a profile, as its list needs it."""

    run: RunId
    at: float
    """When it was submitted; epoch seconds."""
    outcome: Outcome | None
    """None: it has not ended, or nobody knows how."""
    took_s: float | None = None


def profiles_table(pages: Sequence[ProfilePage], width: int) -> Table:
    """Every profile; with less width, first the size goes, then the image."""
    columns = [_NAME, _FROM]
    left = width - sum(column.width for column in columns)
    for column in (_IMAGE, _SIZE):
        if left - column.width >= _SAYS_MIN:
            columns.append(column)
            left -= column.width
    columns.append(Column("WHAT IT DOES", max(left, 10)))
    return Table(tuple(columns), tuple(_row(page, columns) for page in pages))


def _row(page: ProfilePage, columns: Sequence[Column]) -> TableRow:
    spec = page.spec
    cells = {
        "NAME": Label(clean_line(page.name), "text" if spec else "bad"),
        "FROM": _SOURCES[page.source],
        "IMAGE": Label(clean_line(spec.image) if spec else "–", "muted"),
        "SIZE": Label(present.resources(spec) if spec else "–", "muted"),
        "WHAT IT DOES": Label(_says(spec), "muted") if spec else Label(faults_words(page), "bad"),
    }
    return TableRow(page.name, tuple((cells[column.title],) for column in columns))


def faults_words(page: ProfilePage) -> str:
    """How many things are wrong."""
    count = len(page.faults)
    return f"✘ {count} fault{'' if count == 1 else 's'}: not usable yet"


def _says(spec: RunSpec) -> str:
    return clean_line(spec.description) or _first_line(spec)


def _first_line(spec: RunSpec) -> str:
    words = spec.command if isinstance(spec.command, str) else " ".join(spec.command)
    lines = [clean_line(line) for line in words.strip().splitlines()]
    more = f" … and {len(lines) - 1} more line{'' if len(lines) == 2 else 's'}" if len(lines) > 1 else ""
    return f"{lines[0] if lines else ''}{more}"


def profile_facts(page: ProfilePage, runs: Sequence[EarlierRun], now: float) -> list[Fact]:
    """What a run of it would be, and how the last ones went; what matters least comes last."""
    facts: list[Fact] = []
    if page.spec is None:
        facts.append(("Wanted", Label(f"{faults_words(page)}. E opens it in your editor.", "bad")))
    else:
        facts += _spec_facts(page.spec)
    facts.append(("Last runs", _last_runs(runs, now) if runs else _none_yet(page)))
    if page.spec is not None:
        facts += results.carried(page.spec)
    if page.spec is not None and page.spec.description:
        facts.append(("Says", Label(clean_line(page.spec.description), "muted")))
    return [*facts, ("From", Label(_WHERE[page.source], "muted"))]


def _spec_facts(spec: RunSpec) -> Iterator[Fact]:
    yield "VM", Label(f"{clean_line(spec.image)}, {present.resources(spec)}, on {clean_line(spec.host)}")
    yield "Command", Label(f"{'sudo ' if spec.sudo else ''}{_first_line(spec)}")
    yield "Then", Label(_ending(spec), "pin" if spec.pin is not PinPolicy.NEVER else "muted")


def _ending(spec: RunSpec) -> str:
    limit = f"time limit {format_duration(spec.timeout_s)}" if spec.timeout_s else "no time limit"
    kept = f"kept {format_duration(spec.pin_for_s)}" if spec.pin_for_s else "kept until you remove it"
    fate = {
        PinPolicy.NEVER: "the VM is deleted",
        PinPolicy.ON_FAILURE: f"the VM is deleted, or {kept} if the command fails",
        PinPolicy.ALWAYS: f"the VM is {kept}",
    }[spec.pin]
    return f"{limit}; {fate}"


def _none_yet(page: ProfilePage) -> Label:
    return Label("none yet: enter runs it" if page.spec else "none", "muted")


def _last_runs(runs: Sequence[EarlierRun], now: float) -> Label:
    said = [_run_words(run, now) for run in runs[:RUNS_SHOWN]]
    tone = present.outcome_label(runs[0].outcome).tone if runs[0].outcome else "busy"
    return Label(" · ".join(said), tone)


def _run_words(run: EarlierRun, now: float) -> str:
    ago = f"{away.span(now - run.at)} ago"
    if run.outcome is None:
        return f"▶ begun {ago}"
    took = f" in {away.span(run.took_s)}" if run.took_s is not None else ""
    return f"{present.outcome_label(run.outcome).text}{took}, {ago}"


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of the text, or what is wrong with the one above."""

    number: int
    """0: a fault."""
    label: Label


def text_lines(page: ProfilePage) -> list[TextLine]:
    """The file with its faults below their lines; what has no line comes first."""
    lines = [TextLine(0, Label(f"✘ {clean(fault.words)}", "bad")) for fault in page.faults if not fault.line]
    texts = page.text.splitlines()
    for number, text in enumerate(texts[:LINES_SHOWN], 1):
        tone: Tone = "muted" if text.lstrip().startswith("#") else "text"
        lines.append(TextLine(number, Label(clean_line(text).expandtabs(4), tone)))
        wrong = (fault.words for fault in page.faults if fault.line == number)
        lines += [TextLine(0, Label(f"✘ {clean(words)}", "bad")) for words in wrong]
    if len(texts) > LINES_SHOWN:
        lines.append(TextLine(0, Label(f"… {len(texts) - LINES_SHOWN} more lines: E opens it", "muted")))
    return lines
