"""cloud-init: its user data takes effect, its log is kept, and what failed in it is named."""

import json

from tests.cli.conftest import Dayfly, only
from tests.demo_host import FOREIGN

GOOD = """\
#cloud-config
write_files:
  - path: /var/tmp/made
    content: by cloud-init
runcmd:
  - echo the boot speaks
"""
BAD = "#cloud-config\nruncmd:\n  - echo before\n  - exit 9\n"


def profile(dayfly: Dayfly, command: str, text: str, on_failure: str = "go-on") -> str:
    return dayfly.profile(
        "boots",
        f'image = "lts"\nhost = "{dayfly.host}"\ncommand = {json.dumps(command)}\n'
        f'[cloud_init]\non_failure = "{on_failure}"\ntext = {json.dumps(text)}\n',
    )


async def test_user_data_takes_effect_and_its_log_is_kept(dayfly: Dayfly) -> None:
    ended = await dayfly("run", profile(dayfly, "cat /var/tmp/made", GOOD, on_failure="stop"))
    assert (ended.status, ended.stdout.strip()) == (0, b"by cloud-init"), ended.stderr
    assert "cloud-init failed" not in ended.stderr
    ledger = dayfly.ledger()
    (folder,) = (ledger.folder / "runs").iterdir()
    ledger.close()
    assert b"the boot speaks" in (folder / "boot.stdout").read_bytes()
    assert dayfly.demo.vms() == FOREIGN


@only("demo")
async def test_what_failed_is_named_and_the_run_goes_on(dayfly: Dayfly) -> None:
    ended = await dayfly("run", profile(dayfly, "echo works", BAD))
    assert (ended.status, ended.stdout) == (0, b"works\n"), ended.stderr
    (told,) = [line for line in ended.stderr.splitlines() if "cloud-init failed" in line]
    assert "scripts_user" in told
    assert "runcmd" in told
    assert told.endswith("The run goes on.")


@only("demo")
async def test_what_failed_ends_the_run_where_the_profile_wants_it(dayfly: Dayfly) -> None:
    ended = await dayfly("run", profile(dayfly, "echo works", BAD, on_failure="stop"))
    assert (ended.status, ended.stdout) == (125, b"")
    assert "The launch failed: cloud-init failed: scripts_user" in ended.stderr
    assert "--job boot" in ended.stderr
    assert dayfly.demo.vms() == FOREIGN


@only("demo")
async def test_without_user_data_nothing_waits_for_it(dayfly: Dayfly) -> None:
    ended = await dayfly.run("--", "true")
    assert ended.status == 0
    ledger = dayfly.ledger()
    (folder,) = (ledger.folder / "runs").iterdir()
    ledger.close()
    assert not (folder / "boot.stdout").exists()
