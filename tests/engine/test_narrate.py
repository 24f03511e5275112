"""What is promised before a run is what its host has been told."""

from dataclasses import replace

import pytest

from tui.engine.narrate import fate
from tui.model.spec import HostName, PinPolicy, RunSpec

SPEC = RunSpec(image="lts", command="true", host=HostName("demo"))
DELETES = "If this client vanishes, demo deletes the VM 15m after it last heard from us"


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (SPEC, f"{DELETES}."),
        (
            replace(SPEC, finish=True, timeout_s=7200),
            f"{DELETES}; the workload may end by itself first, at most 2h.",
        ),
        (
            replace(SPEC, pin=PinPolicy.ON_FAILURE),
            f"{DELETES}; if the command has failed by then, the VM stays.",
        ),
        (
            replace(SPEC, pin=PinPolicy.ON_FAILURE, pin_for_s=28800),
            f"{DELETES}; if the command has failed by then, the VM stays, for 8h.",
        ),
        (
            replace(SPEC, pin=PinPolicy.ALWAYS),
            "If this client vanishes, the VM stays on demo, pinned, until you remove it.",
        ),
        (
            replace(SPEC, pin=PinPolicy.ALWAYS, pin_for_s=28800),
            "If this client vanishes, the VM stays on demo, pinned, for 8h, or until you remove it.",
        ),
    ],
)
def test_fate(spec: RunSpec, sentence: str) -> None:
    assert fate(spec) == sentence
