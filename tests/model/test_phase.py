import itertools

import pytest

from tui.model.phase import Outcome, OutcomeKind, Phase, may_move

ORDER = [
    Phase.QUEUED,
    Phase.LEASED,
    Phase.LAUNCHING,
    Phase.BOOTING,
    Phase.WORKING,
    Phase.COLLECTING,
    Phase.DELETING,
    Phase.GONE,
]


@pytest.mark.parametrize(("old", "new"), [*itertools.product(Phase, Phase)])
def test_a_run_only_moves_forward(old: Phase, new: Phase) -> None:
    if old is Phase.KEPT:
        assert may_move(old, new) == (new in (Phase.DELETING, Phase.GONE))
    elif new is Phase.KEPT:
        assert may_move(old, new) == (old is not Phase.GONE)
    else:
        assert may_move(old, new) == (ORDER.index(old) < ORDER.index(new))


def test_only_gone_and_kept_are_over() -> None:
    assert [phase for phase in Phase if phase.is_over] == [Phase.GONE, Phase.KEPT]


@pytest.mark.parametrize("status", [0, 1, 2, 3, 5, 124, 125, 137, 255])
def test_the_workloads_status_comes_through(status: int) -> None:
    outcome = Outcome.of_status(status)
    assert outcome.exit_code == status
    assert outcome.kind is (OutcomeKind.FAILED if status else OutcomeKind.SUCCEEDED)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (OutcomeKind.TIMED_OUT, 124),
        (OutcomeKind.CANCELLED, 125),
        (OutcomeKind.LAUNCH_FAILED, 125),
        (OutcomeKind.LOST, 125),
    ],
)
def test_without_a_status_the_kind_decides(kind: OutcomeKind, code: int) -> None:
    assert Outcome(kind).exit_code == code


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome.of_status(0), "succeeded"),
        (Outcome.of_status(3), "failed 3"),
        (Outcome(OutcomeKind.LOST, reason="the VM was deleted"), "lost: the VM was deleted"),
    ],
)
def test_an_outcome_in_words(outcome: Outcome, words: str) -> None:
    assert str(outcome) == words
