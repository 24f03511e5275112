"""What a failed Multipass command means, for people: a sentence, and what to do next.

No exit status tells one failure from another (nearly everything is 2), so the text on stderr decides.
"""

from __future__ import annotations

import math
import re

from tui.drivers import failures
from tui.drivers.failures import NOT_FOUND, row
from tui.model.text import clean_line
from tui.model.units import GIB, format_size

TIMED_OUT = 5

_LOG_PREFIX = re.compile(r"^\[[0-9]{4}-[^\]]*\] \[\w+\] \[[^\]]*\] (?:Caught an unhandled exception: )?")
_SAYS_NOTHING = re.compile(r"(?:\w+ failed: )?(?:The following errors occurred:|Invalid arguments supplied)?")
_VERB_PREFIX = re.compile(r"^\w+ failed: ")


_UNREADY = row(
    r"^Timed out waiting for instance launch|timed out waiting for (?:response|initialization)",
    "The VM was not ready in time",
    "Run it again with a longer boot_timeout; a first launch of an image also has to prepare it.",
)
_FAILURES = (
    # the daemon, and who may talk to it
    row(
        r"not authenticated with the Multipass service",
        "Multipass on the host does not let this account in",
        "On the host, somebody who can already use Multipass runs `multipass set local.passphrase` (this "
        "restarts it, so not during a launch); then this account runs `multipass authenticate` once.",
    ),
    row(
        r"cannot connect to the multipass socket",
        "Multipass on the host is not running, or is just restarting",
        "Try again in a minute. If it stays so, restart it on the host: `sudo snap restart multipass`.",
    ),
    row(
        r"[Oo]peration cancell?ed",
        "Multipass on the host stumbles over an earlier download that was interrupted",
        "Restart it on the host, `sudo snap restart multipass`, and run this again.",
    ),
    row(
        r"KVM|kvm kernel module",
        "The host cannot run VMs: hardware virtualisation is missing or switched off",
        "Switch it on in the host's firmware (or nested virtualisation, if the host is a VM itself).",
    ),
    row(
        r"No space left on device|not enough (?:disk )?space",
        "The host's disk is full",
        "Make room on the host; `multipass list` there shows VMs that may no longer be needed.",
    ),
    # the image
    row(
        r'Unable to find an image matching "(?P<image>[^"\n]*)"',
        "The host knows no image called {image}",
        "Pick one that `dayfly images` lists for this host, or give a URL or file:///a/path/on/the/host.",
    ),
    row(
        r"Remote '(?P<remote>[^'\n]*)' is not found",
        "The host knows no image source called {remote}",
        "What is before the colon must be release, daily or another source that `dayfly images` shows; "
        "without a colon the usual one is meant.",
    ),
    row(
        r'Remote "[^"\n]*" is unknown or unreachable',
        "The host has no valid list of images since it last failed to refresh it",
        "When the host is online, run `multipass find --force-update` on it once, then run this again.",
    ),
    row(
        r"Custom image `(?P<path>[^`\n]*)` does not exist",
        "There is no image file {path} on the host",
        "The path is read on the host, not here: check its spelling there. A Multipass from the snap "
        "store cannot read /tmp, hidden folders or other people's homes.",
    ),
    row(
        r"failed to download from '(?P<url>[^'\n]*)': (?P<reason>[^\n]*)",
        "The host could not download {url}: {reason}",
        "Check the host's network and proxy, and the address if you typed it; then run this again.",
    ),
    # what was asked for
    row(
        r"Requested disk \((?P<asked_bytes>\d{1,18}) bytes\) below minimum for this image "
        r"\((?P<least_bytes>\d{1,18}) bytes\)",
        "A disk of {asked_bytes} is too small for this image",
        "Set disk to {least_bytes} or more.",
    ),
    row(
        r"Invalid memory size value supplied: (?P<size>[^\n]*?)\.?$",
        "Multipass does not accept {size} of memory",
        "Set memory to 128M or more; from Multipass 1.17 on, 512M or more.",
    ),
    row(
        r"Invalid disk size value supplied: (?P<size>[^\n]*?)\.?$",
        "Multipass does not accept a disk of {size}",
        "Set disk to 512M or more; from Multipass 1.17 on, 1G or more.",
    ),
    row(
        r"(?P<size>\S{1,80}) is not a valid memory size",
        "{size} is not a size that Multipass understands",
        "Write a number with K, M or G, such as 512M or 1.5G.",
    ),
    row(
        r"invalid CPU count '(?P<count>[^'\n]*)'",
        "{count} is not a number of CPUs",
        "Set cpus to a whole number, 1 or more.",
    ),
    row(
        r"--timeout value has to be a positive integer",
        "Multipass does not accept this time limit for the launch",
        "Set boot_timeout to a second or more, such as 15m.",
    ),
    row(
        r"Could not load cloud-init configuration: (?P<reason>[^\n]*)",
        "The cloud-init configuration cannot be used: {reason}",
        "Correct the file; it must be YAML that Multipass can read on the host.",
    ),
    row(
        r"Invalid network options supplied",
        "The host has no such network",
        "`multipass networks` on the host lists those it has.",
    ),
    # the name
    row(
        r"Invalid instance name supplied: (?P<vm>[^\n]*)",
        "{vm} is not a name that Multipass accepts for a VM",
        "Use letters, digits and hyphens; a letter first, no hyphen last.",
    ),
    row(
        r"unable to create directory '[^'\n]*'",
        "Multipass could not make the VM's folder on the host",
        "A very long VM name or a full disk does this; check both and run this again.",
    ),
    row(
        r'instance "(?P<vm>[A-Za-z0-9-]+)" already exists',
        "The host already has a VM called {vm}",
        "Run this again: every run gets a name of its own. To be rid of the other VM, if it is yours: "
        "`multipass delete --purge {vm}` on the host.",
    ),
    row(
        r'instance "(?P<vm>[^"\n]*)" is being prepared',
        "A launch of {vm} is still under way on the host",
        "Wait until it has ended; `multipass list` on the host shows the VM then.",
    ),
    # the VM
    _UNREADY,
    row(
        r'instance "(?P<vm>[^"\n]*)" does not exist',
        "There is no VM called {vm} on the host",
        "It was deleted, or a launch has not got that far yet. `multipass list` on the host shows all.",
    ),
    row(
        r'instance "(?P<vm>[A-Za-z0-9-]+)" is deleted',
        "Somebody deleted the VM {vm}; it is in Multipass's trash",
        "On the host: `multipass recover {vm}` brings it back, `multipass delete --purge {vm}` ends it.",
    ),
    row(
        r"in unknown state",
        "The VM does not answer: it is still booting, or it never finished",
        "Try again in a minute. If it stays so, delete the VM and run this again.",
    ),
    row(
        r'instance "(?P<vm>[^"\n]*)" is not running',
        "The VM {vm} is not running",
        "Somebody stopped it, or it shut down by itself. Run this again to get a new one.",
    ),
    row(
        r"did not finish within \d+ milliseconds after being shutdown",
        "The VM ignored a request to shut down, and still runs",
        "`multipass delete --purge` on the host ends it at once.",
    ),
    row(
        r"ssh connection failed|ssh session|[Ff]ailed to connect: |\[sftp\] (?:could not create|init failed)",
        "Multipass could not get into the VM",
        "The VM may still be booting, or its network is down. Try again in a minute.",
    ),
    # files on their way into it or out of it
    row(
        r"\[sftp\] cannot open remote file (?P<path>[^\n]*): SFTP server: Permission denied",
        "The guest user has no access to {path} in the VM",
        "Choose a place in the guest user's home, or /var/tmp, where everybody may write.",
    ),
    row(
        r"\[sftp\] cannot open remote file (?P<path>[^\n]*): SFTP server: No such file",
        "There is no {path} in the VM, and no folder for it",
        "Check the path; `dayfly exec` can look into the VM.",
    ),
    row(
        r"\[sftp\] remote target does not exist",
        "The folder that the file was to go into is not in the VM",
        "Make it first, or choose another one; `dayfly exec` can look into the VM.",
    ),
    row(
        r"\[sftp\] cannot write to remote file (?P<path>[^\n]*?): ",
        "The VM took only a part of {path}: its disk may be full",
        "Set disk to more, or send less.",
    ),
    row(
        r"\[sftp\] omitting (?:local|remote) directory (?P<path>[^\n]*): recursive mode",
        "{path} is a folder where Multipass was to bring a file",
        "Name a file in it.",
    ),
    row(
        r"\[sftp\] cannot access (?P<path>[^\n]*): (?P<reason>[^\n]*)",
        "Multipass cannot read {path} on the host: {reason}",
        "A Multipass from the snap store cannot read /tmp, hidden folders or other people's homes.",
    ),
    # the command line: this Multipass is not one we know
    row(
        r"^(?:Error: )?(?P<line>(?:Unknown option|invalid option|Too many arguments|Wrong number of arguments"
        r"|Invalid format type|Name argument or --all|Options --"
        r"|Cannot specify an instance name)[^\n]*)",
        "Multipass did not understand the command: {line}",
        "dayfly knows Multipass 1.10 to 1.17; `multipass version` on the host shows which one it has.",
    ),
)

_MISSING_HINT = (
    "Install Multipass on the host, for example with `sudo snap install multipass`, or set `manager` in the "
    "host's entry to the command's full path."
)
_UNKNOWN_HINT = (
    "dayfly does not know this failure. Run the command on the host by hand, or look at Multipass's own "
    "log there: `sudo snap logs multipass`."
)


def explain(stderr: bytes, status: int, manager: str) -> tuple[str, str]:
    """(sentence, hint) for what a command of `manager` wrote when it failed; both safe to show."""
    text = failures.last_text(stderr)
    if known := failures.find(_FAILURES, text, _value):
        return known
    if status == NOT_FOUND and failures.is_about(manager, text):
        return (
            f"The command {clean_line(manager)} is not where this account on the host looks for it",
            _MISSING_HINT,
        )
    if status == TIMED_OUT and not text.strip():
        return _UNREADY.sentence, _UNREADY.hint
    return _first_useful_line(text, status), _UNKNOWN_HINT


def _value(key: str, text: str) -> str:
    """Sizes are rounded so that the advice is enough."""
    if key == "least_bytes":
        return format_size(math.ceil(int(text) / GIB) * GIB)
    return format_size(int(text)) if key == "asked_bytes" else failures.value_text(key, text)


def _first_useful_line(text: str, status: int) -> str:
    lines = [clean_line(line).strip() for line in text.split("\n")]
    useful = [line for line in lines if not _SAYS_NOTHING.fullmatch(line)]
    spoken = [line for line in useful if not _LOG_PREFIX.match(line)] or useful
    if not spoken:
        return f"Multipass ended with status {status} and did not say why"
    return failures.one_line(_VERB_PREFIX.sub("", _LOG_PREFIX.sub("", spoken[0], count=1), count=1))
