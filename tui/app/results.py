"""What comes home of a run, and what goes into its VM, in words. Pure functions, as in `present`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tui.app.present import Fact, Label
from tui.model.phase import Phase
from tui.model.results import Result, ResultState
from tui.model.spec import RunSpec, SecretSource
from tui.model.state import FleetState, RunState
from tui.model.text import clean_line
from tui.model.units import approximate_size

_STATES: dict[ResultState, Label] = {
    ResultState.WAITING: Label("· waiting", "muted"),
    ResultState.COLLECTING: Label("◕ coming", "busy"),
    ResultState.COMPLETE: Label("✔ here", "good"),
    ResultState.PARTIAL: Label("◐ partial", "warn"),
    ResultState.MISSING: Label("✘ missing", "warn"),
}
_KEPT_ON_THE_HOST = "7 days"


def of(run: RunState) -> tuple[Result, ...]:
    """An entry for each artifact, also before anything was brought."""
    if run.results:
        return run.results
    return tuple(
        Result(path=artifact.path, folder=artifact.to.replace("{run}", run.id), required=artifact.required)
        for artifact in run.spec.artifacts
    )


def state_label(result: Result) -> Label:
    """How far it is; what was promised and lacks is bad, what may lack is a warning."""
    label = _STATES[result.state]
    return Label(label.text, "bad") if result.required and label.tone == "warn" else label


def size_words(result: Result) -> str:
    """How many bytes are here, or `–`."""
    return approximate_size(result.size) if result.size else "–"


def place(folder: str) -> str:
    """A folder as people write it; empty: not known yet."""
    home = str(Path.home())
    is_below = folder == home or folder.startswith(home + "/")
    return clean_line("~" + folder[len(home) :] if is_below else folder)


def where(result: Result) -> str:
    """Where it is, or why it is not; for one line."""
    return clean_line(result.reason) or place(result.folder)


def is_here(result: Result) -> bool:
    """Whether there is something to be opened."""
    return result.state in (ResultState.COMPLETE, ResultState.PARTIAL) and bool(result.folder)


def folder(run: RunState) -> str:
    """The first folder in which there is something; empty: nothing came home."""
    return next((result.folder for result in run.results if is_here(result)), "")


def coming(run: RunState) -> tuple[Result, ...]:
    """What is on its way, or about to be."""
    begun = run.phase is Phase.COLLECTING or any(r.state is ResultState.COLLECTING for r in run.results)
    return tuple(result for result in of(run) if not result.state.is_final) if begun else ()


def runs_coming(state: FleetState) -> tuple[RunState, ...]:
    """Runs of which something is on its way; not those that their hosts see to."""
    return tuple(run for run in state.runs.values() if run.is_ours_to_end and coming(run))


def headline(run: RunState) -> Label:
    """All results in a few words; empty before any of them began to come."""
    faulty = [r for r in run.results if r.state in (ResultState.PARTIAL, ResultState.MISSING)]
    if underway := coming(run):
        return Label(progress(underway), "busy")
    if faulty:
        faulty.sort(key=lambda result: not result.required)
        more = f" and {len(faulty) - 1} more" if len(faulty) > 1 else ""
        whole = sum(result.state is ResultState.COMPLETE for result in run.results)
        rest = f"; {whole} here" if whole else ""
        words = f"result {faulty[0].state}: {clean_line(faulty[0].path)}{more}{rest}"
        return Label(words, state_label(faulty[0]).tone)
    here = [result for result in run.results if is_here(result)]
    return Label(_sum(here), "good") if here else Label("")


def _sum(here: Sequence[Result]) -> str:
    """`3 results, 41MB, in ~/out`."""
    size = approximate_size(sum(result.size for result in here))
    folders = list(dict.fromkeys(place(result.folder) for result in here))
    more = f" and {len(folders) - 1} more" if len(folders) > 1 else ""
    return f"{_count(len(here), 'result')}, {size}, in {folders[0]}{more}"


def progress(underway: Sequence[Result]) -> str:
    """`out.csv: 12M so far`, `2 results coming, 12M so far`."""
    size = sum(result.size for result in underway)
    so_far = f", {approximate_size(size)} so far" if size else ""
    if len(underway) == 1:
        return f"result coming: {clean_line(underway[0].path)}{so_far}"
    return f"{len(underway)} results coming{so_far}"


def details(result: Result) -> tuple[Fact, ...]:
    """All about one result, for the lines under the list."""
    label = state_label(result)
    why = f": {clean_line(result.reason)}" if result.reason else ""
    needed = " (required)" if result.required else ""
    return (
        ("State", Label(f"{label.text}{needed}{why}", label.tone)),
        ("Folder", Label(place(result.folder) or "the results folder of the run", "muted")),
    )


# ---- leaving


def lines_of_coming(run: RunState) -> list[str]:
    """That leaving now leaves them on the host, and how they come home then."""
    words = progress(coming(run))
    return [
        f"{words}; of {run.vm} on {clean_line(run.host)}",
        f"  left now, they wait there for {_KEPT_ON_THE_HOST}; the next start of dayfly fetches them",
    ]


def lines_of_here(run: RunState) -> list[str]:
    """Where they are, and what lacks, of one run."""
    here = [result for result in run.results if is_here(result)]
    lines = [f"results of {run.vm}: {_sum(here)}"] if here else []
    for result in run.results:
        if result.state in (ResultState.PARTIAL, ResultState.MISSING):
            why = f": {clean_line(result.reason)}" if result.reason else ""
            lines.append(f"result {result.state}: {clean_line(result.path)} of {run.vm}{why}")
    return lines


def fate(spec: RunSpec) -> str:
    """What becomes of results if this client vanishes; empty: there are none to come."""
    return f"Its results wait there for {_KEPT_ON_THE_HOST}." if spec.artifacts else ""


# ---- what a form cannot change


def carried(spec: RunSpec) -> tuple[Fact, ...]:
    """What a profile brings along beside the fields of a form, a line each."""
    facts: list[tuple[str, str]] = []
    if spec.inputs:
        facts.append(("Files in", _list([Path(item.source).name or item.source for item in spec.inputs])))
    for artifact in spec.artifacts[:1]:
        more = f" and {len(spec.artifacts) - 1} more" if len(spec.artifacts) > 1 else ""
        to = place(artifact.to) or "the results folder of the run"
        facts.append(("Results", f"{artifact.path} → {to}{more}"))
    if spec.env:
        facts.append(("Variables", _list([name for name, _ in spec.env])))
    if spec.secrets:
        facts.append(("Secrets", _list([_secret(spec, index) for index in range(len(spec.secrets))])))
    if spec.cloud_init:
        stops = "stops on failure" if spec.cloud_init.stop_on_failure else "a failure is only told"
        lines = _count(len(spec.cloud_init.text.splitlines()), "line")
        facts.append(("Boot", f"cloud-init of {lines}, {stops}"))
    return tuple((word, Label(clean_line(text), "muted")) for word, text in facts)


def _secret(spec: RunSpec, index: int) -> str:
    secret = spec.secrets[index]
    if secret.source is SecretSource.PROMPT:
        return f"{secret.name}, asked for"
    return f"{secret.name} from {secret.source}:{secret.detail}"


def _list(names: Sequence[str]) -> str:
    return f"{len(names)} ({', '.join(names)})"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
