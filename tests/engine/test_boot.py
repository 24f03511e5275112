"""What cloud-init says of itself, in the forms its versions have, and in none."""

import json
import random
import subprocess
import time

import pytest

from tui.engine.boot import boot_argv, verdict

# As cloud-init 22.4 (Debian 12) said it through `multipass exec`.
LONG = b"""\
status: error
boot_status_code: enabled-by-generator
last_update: Mon, 23 Nov 2026 09:56:27 +0000
detail:
('scripts-user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))
"""
LOG = b"""\
Cloud-init v. 25.1 running 'modules:final'
2026-11-23 09:56:27,123 - cc_scripts_user.py[WARNING]: Failed to run module scripts_user (scripts in /x)
2026-11-23 09:56:27,124 - util.py[WARNING]: Running module scripts_user (<module 'cloudinit.x'>) failed
Failed running /var/lib/cloud/instance/scripts/runcmd [9]
"""
MODULE = "('scripts_user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))"


def told(**facts: object) -> bytes:
    return json.dumps({"status": "done", "errors": [], "recoverable_errors": {}, **facts}).encode()


def test_the_long_form_names_the_module() -> None:
    failures = verdict(1, LONG, b"").failures
    assert failures == ("scripts_user: Runparts: 1 failures (runcmd) in 1 attempted commands",)


def test_json_names_it_too_and_the_log_adds_the_command() -> None:
    found = verdict(1, told(status="error", errors=[MODULE]), LOG)
    assert found.failures == (
        "scripts_user: Runparts: 1 failures (runcmd) in 1 attempted commands",
        "runcmd ended with status 9",
    )


def test_a_recoverable_error_that_names_a_module_is_a_failure() -> None:
    warnings = {
        "WARNING": ["Failed to run module package_update_upgrade_install"],
        "DEPRECATED": ["chpasswd is old"],
    }
    found = verdict(2, told(recoverable_errors=warnings), b"")
    assert found.failures == ("package_update_upgrade_install",)
    assert found.warnings == ("chpasswd is old",)


@pytest.mark.parametrize("status", [0, 2])
def test_nothing_failed(status: int) -> None:
    assert verdict(status, told(), b"Cloud-init v. 25.1 finished\n").failures == ()


def test_an_error_without_words_is_one_all_the_same() -> None:
    assert verdict(1, told(status="error"), b"").failures == ("its status is error",)
    assert verdict(1, b"status: error\n", b"").failures == ("its status is error",)
    assert verdict(3, b"", b"").failures == ("its status is 3",)


@pytest.mark.parametrize(
    "hostile",
    [
        b"[" * 100_000,
        b'{"errors":' + b"[" * 60_000,
        b'{"errors": {"a": 1}, "recoverable_errors": [7]}',
        b'{"errors": [1, null, {"a": []}], "recoverable_errors": {"WARNING": "x"}}',
        b"\xff\xfe\0" * 1000,
        b"null",
        b"Failed to run module " * 5000,
        b"(" * 60_000,
    ],
)
def test_nonsense_is_bounded_and_quick(hostile: bytes) -> None:
    begin = time.monotonic()
    found = verdict(1, hostile, hostile * 4)
    assert time.monotonic() - begin < 2
    assert 0 < len(found.failures) <= 8
    assert all(len(text) <= 210 for text in found.failures)


def test_escapes_and_floods_are_made_harmless() -> None:
    errors = [f"\x1b]0;owned\x07{'x' * 500}{n}" for n in range(100)]
    failures = verdict(1, told(errors=errors)[-60_000:], b"").failures
    assert 0 < len(failures) <= 8
    assert not any("\x1b" in text or len(text) > 210 for text in failures)


def test_any_bytes_make_a_verdict() -> None:
    rng = random.Random(7)
    for status in range(5):
        verdict(status, rng.randbytes(500), rng.randbytes(5000))


def test_a_vm_without_cloud_init_says_so() -> None:
    done = subprocess.run(
        boot_argv(), env={"PATH": "/nowhere"}, capture_output=True, check=False, executable="/bin/sh"
    )
    assert (done.returncode, done.stderr) == (127, b"this VM has no cloud-init\n")
    assert not verdict(done.returncode, done.stderr, done.stdout).is_there
