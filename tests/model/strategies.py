"""Hypothesis strategies for the facts of the model."""

from dataclasses import replace

from hypothesis import strategies as st

from tui.model.events import (
    CleanupDelayed,
    CommandRan,
    Event,
    HostAdded,
    HostMeasured,
    ImagesListed,
    LinkChanged,
    Narrated,
    PhaseEntered,
    PinChanged,
    PortClosed,
    PortForwarded,
    ProgressMade,
    QuestionAsked,
    QuestionClosed,
    ResultsChanged,
    RunAdopted,
    RunLeft,
    RunOrphaned,
    RunRecovered,
    RunSubmitted,
    UsePeaked,
    VmObserved,
    VmSampled,
    VmsListed,
    WorkEnded,
)
from tui.model.hosts import Health, HostEntry, ImageInfo, Question, QuestionKind, VmInfo
from tui.model.phase import Outcome, OutcomeKind, Phase, Pin
from tui.model.results import Result, ResultState
from tui.model.spec import (
    Artifact,
    CloudInit,
    HostName,
    Input,
    PinPolicy,
    RunId,
    RunSpec,
    SecretRef,
    SecretSource,
    VmName,
)
from tui.model.units import GIB, MIB
from tui.model.use import HostCommand, HostLoad, PeakUse, VmUse

DAY_S = 86400
texts = st.text(st.characters(codec="utf-8"), max_size=20)
times = st.floats(0, 2e9, allow_nan=False)
run_ids = st.sampled_from([RunId("aaaaaaaa"), RunId("bbbbbbbb")])
host_names = st.sampled_from([HostName("demo"), HostName("build-1")])

_lines = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), max_size=40)
_words = st.from_regex(r"[a-z0-9:/.][a-z0-9:/._-]{0,20}", fullmatch=True)
_commands = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)

_no_nul = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
_parts = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=12)
_relative = (
    st.lists(_parts.filter(lambda part: part not in (".", "..")), min_size=1, max_size=3)
    .map("/".join)
    .filter(lambda path: not path.startswith("~"))
)
_local_paths = _relative.map("/{}".format)
_guest_paths = st.just("./") | _relative | _local_paths | _relative.map("{}/".format)
_artifacts = st.builds(
    Artifact,
    path=_guest_paths.filter(lambda path: "**" not in path),
    to=st.just("") | _local_paths,
    max_size=st.integers(1, 9 * GIB),
    required=st.booleans(),
)
_user_data = st.sampled_from(
    ["#cloud-config\npackages: [git]\n", '#cloud-config\r\nruncmd:\r\n- [ls, \'\u00e4"""\']\r\n']
)
_variables = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
_secrets = st.builds(
    lambda name, where: SecretRef(f"S_{name}", *where),
    _variables,
    st.tuples(st.just(SecretSource.ENV), _variables)
    | st.tuples(st.just(SecretSource.FILE), _local_paths)
    | st.tuples(st.just(SecretSource.CMD), _no_nul.filter(str.strip))
    | st.tuples(st.just(SecretSource.PROMPT), _lines),
)

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
    inputs=st.lists(st.builds(Input, _local_paths, _guest_paths), max_size=3).map(tuple),
    artifacts=st.lists(_artifacts, max_size=3).map(tuple),
    collect_timeout_s=st.integers(1, 7 * DAY_S),
    cloud_init=st.none() | st.builds(CloudInit, _user_data, st.booleans()),
    env=st.dictionaries(_variables.map("E_{}".format), _no_nul, max_size=3).map(
        lambda env: tuple(env.items())
    ),
    secrets=st.lists(_secrets, max_size=3, unique_by=lambda ref: ref.name).map(tuple),
    mask=st.booleans(),
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
results = st.builds(
    Result,
    path=texts,
    folder=texts,
    required=st.booleans(),
    state=st.sampled_from(ResultState),
    size=st.integers(0, 9 * GIB),
    files=st.integers(0, 10_000),
    reason=texts,
)
_of_run = {"run": run_ids, "at": times}
_of_host = {"host": host_names, "at": times}

_shares, _sizes, _ports = (
    st.none() | st.floats(0, 1),
    st.none() | st.integers(0, 2**50),
    st.integers(1, 65535),
)
_uses = st.builds(VmUse, at=times, cpu=_shares, memory=_sizes, memory_total=_sizes, disk=_sizes, load=_shares)
_peaks = st.builds(PeakUse, cpu=_shares, memory=_sizes, disk=_sizes, load=_shares)
_loads = st.builds(HostLoad, at=times, cpus=_sizes, load=_shares, memory_total=_sizes, memory_free=_sizes)
_host_commands = st.builds(
    HostCommand, at=times, argv=addresses, took_s=st.floats(0, 1e6), status=st.none() | st.integers(0, 255)
)

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
    ResultsChanged: st.builds(ResultsChanged, **_of_run, results=st.lists(results, max_size=3).map(tuple)),
    CleanupDelayed: st.builds(CleanupDelayed, **_of_run, reason=texts),
    VmSampled: st.builds(VmSampled, **_of_run, use=_uses),
    UsePeaked: st.builds(UsePeaked, **_of_run, peak=_peaks),
    PortForwarded: st.builds(PortForwarded, **_of_run, port=_ports, local_port=_ports),
    PortClosed: st.builds(PortClosed, **_of_run, port=_ports),
    HostMeasured: st.builds(HostMeasured, **_of_host, load=_loads),
    CommandRan: st.builds(CommandRan, **_of_host, command=_host_commands),
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
