"""Hypothesis strategies for the facts of the model."""

from dataclasses import replace

from hypothesis import strategies as st

from tui.model.events import (
    CleanupDelayed,
    Event,
    HostAdded,
    ImagesListed,
    LinkChanged,
    Narrated,
    PhaseEntered,
    PinChanged,
    ProgressMade,
    QuestionAsked,
    QuestionClosed,
    RunAdopted,
    RunLeft,
    RunOrphaned,
    RunRecovered,
    RunSubmitted,
    VmObserved,
    VmsListed,
    WorkEnded,
)
from tui.model.hosts import Health, HostEntry, ImageInfo, Question, QuestionKind, VmInfo
from tui.model.phase import Outcome, OutcomeKind, Phase, Pin
from tui.model.spec import HostName, PinPolicy, RunId, RunSpec, VmName
from tui.model.units import GIB, MIB

DAY_S = 86400
texts = st.text(st.characters(codec="utf-8"), max_size=20)
times = st.floats(0, 2e9, allow_nan=False)
run_ids = st.sampled_from([RunId("aaaaaaaa"), RunId("bbbbbbbb")])
host_names = st.sampled_from([HostName("demo"), HostName("build-1")])

_lines = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), max_size=40)
_words = st.from_regex(r"[a-z0-9:/.][a-z0-9:/._-]{0,20}", fullmatch=True)
_commands = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)

_specs = st.builds(
    RunSpec,
    image=_words,
    command=_commands.filter(str.strip)
    | st.tuples(_commands.filter(str.strip))
    | st.tuples(_commands.filter(str.strip), st.text(st.characters(codec="utf-8", exclude_characters="\0"))),
    host=_words.map(HostName),
    name=st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True),
    description=_lines,
    workdir=st.just("") | _lines.map(lambda line: f"/{line}"),
    sudo=st.booleans(),
    cpus=st.integers(1, 512),
    memory=st.integers(128 * MIB, 64 * GIB),
    disk=st.integers(512 * MIB, 900 * GIB),
    timeout_s=st.none() | st.integers(1, 7 * DAY_S),
    boot_timeout_s=st.integers(10, 7 * DAY_S),
    grace_s=st.integers(5, 7 * DAY_S),
    pin=st.sampled_from(PinPolicy),
    pin_for_s=st.none() | st.integers(60, 7 * DAY_S),
    finish=st.booleans(),
)


def _consistent(spec: RunSpec) -> RunSpec:
    """What a profile can say: only a pin expires, and `finish` stands in the place of a grace."""
    if spec.pin is PinPolicy.NEVER:
        spec = replace(spec, pin_for_s=None)
    if spec.finish and spec.timeout_s:
        return replace(spec, grace_s=900)
    return replace(spec, finish=False)


specs = _specs.map(_consistent)

outcomes = st.builds(Outcome, st.sampled_from(OutcomeKind), st.none() | st.integers(0, 255), texts)
entries = st.builds(
    HostEntry,
    name=host_names,
    address=texts,
    port=st.none() | st.integers(1, 65535),
    images=st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
)
addresses = st.lists(texts, max_size=2).map(tuple)
vms = st.builds(VmInfo, texts, texts, addresses, texts)
questions = st.builds(
    Question, id=st.sampled_from("12"), host=host_names, kind=st.sampled_from(QuestionKind), text=texts
)
_of_run = {"run": run_ids, "at": times}
_of_host = {"host": host_names, "at": times}

EVENTS: dict[type, st.SearchStrategy[Event]] = {
    RunSubmitted: st.builds(RunSubmitted, **_of_run, vm=texts.map(VmName), spec=specs),
    RunRecovered: st.builds(RunRecovered, **_of_run, vm=texts.map(VmName), spec=specs, submitted_at=times),
    RunOrphaned: st.builds(RunOrphaned, **_of_run, ends_at=st.none() | times),
    RunAdopted: st.builds(RunAdopted, **_of_run),
    RunLeft: st.builds(RunLeft, **_of_run, ends_at=st.none() | times),
    PhaseEntered: st.builds(PhaseEntered, **_of_run, phase=st.sampled_from(Phase)),
    Narrated: st.builds(Narrated, **_of_run, text=texts),
    ProgressMade: st.builds(ProgressMade, **_of_run, text=texts),
    PinChanged: st.builds(
        PinChanged, **_of_run, pin=st.sampled_from(Pin), reason=texts, until=st.none() | times
    ),
    VmObserved: st.builds(VmObserved, **_of_run, state=texts, ipv4=addresses),
    WorkEnded: st.builds(WorkEnded, **_of_run, outcome=outcomes),
    CleanupDelayed: st.builds(CleanupDelayed, **_of_run, reason=texts),
    HostAdded: st.builds(HostAdded, **_of_host, entry=entries),
    LinkChanged: st.builds(
        LinkChanged,
        **_of_host,
        health=st.sampled_from(Health),
        detail=texts,
        hint=texts,
        version=texts,
        heard_at=st.none() | times,
    ),
    VmsListed: st.builds(VmsListed, **_of_host, vms=st.lists(vms, max_size=2).map(tuple)),
    ImagesListed: st.builds(
        ImagesListed,
        **_of_host,
        images=st.lists(st.builds(ImageInfo, texts, addresses, texts), max_size=2).map(tuple),
    ),
    QuestionAsked: st.builds(QuestionAsked, **_of_host, question=questions),
    QuestionClosed: st.builds(QuestionClosed, **_of_host, question_id=st.sampled_from("12")),
}
events = st.one_of(*EVENTS.values())
