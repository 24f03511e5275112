"""What a failed command of LXD or Incus means, for people: a sentence, and what to do next.

Nearly every failure is exit status 1 and a line that begins with `Error:`, so the text decides.
"""

from __future__ import annotations

from tui.drivers import failures
from tui.drivers.failures import NOT_FOUND, row
from tui.drivers.lxd_words import Tool
from tui.model.text import clean_line

_FAILURES = (
    # the daemon, and who may talk to it
    row(
        r"unix\.socket[^\n]*permission denied|You don't have the needed permissions",
        "{title} on the host does not let this account in",
        "Add the account to the group {group} on the host, `sudo usermod -aG {group} USER`, and connect "
        "anew. Whoever is in it is as good as root there.",
    ),
    row(
        r"unix\.socket[^\n]*(?:no such file or directory|connection refused)"
        r"|(?:LXD|Incus) daemon doesn't appear to be started",
        "{title} on the host is not running, or is just restarting",
        "Try again in a minute. If it stays so, restart it on the host ({restart}).",
    ),
    row(
        r"No space left on device|disk quota exceeded",
        "The host's disk, or its storage pool, is full",
        "Make room on the host; `{command} list` there shows instances that may no longer be needed.",
    ),
    row(
        r"No root device could be found|No storage pool|Storage pool not found"
        r"|Cannot override config for device \"root\"",
        "{title} on the host has no storage for new instances",
        'Run `{setup}` on the host once; or give the default profile there a disk called "root".',
    ),
    # the image
    row(
        r"The remote \"(?P<remote>[^\"\n]*)\" doesn't exist",
        "The host knows no image source called {remote}",
        "`{command} remote list` on the host shows those it has; without a colon a local image is meant.",
    ),
    row(
        r"Failed getting (?:remote )?image|Failed to fetch|lookup [^\n]*no such host",
        "The host could not reach the source of this image",
        "Check the host's network and proxy, or use an image that is there: `dayfly images` lists them.",
    ),
    row(
        r"[Ii]mage not found|Couldn't find the requested image|couldn't be found",
        "The host knows no such image",
        "Pick one that `dayfly images` lists for this host, or one of a remote such as {image}.",
    ),
    row(
        r"Asked for a VM but image is of type container",
        "This image is for containers, and a VM was asked for",
        "Add --kind container, or choose an image for VMs.",
    ),
    row(
        r"Asked for a container but image is of type virtual-machine",
        "This image is for VMs, and a container was asked for",
        "Leave --kind container out, or choose an image for containers.",
    ),
    # what was asked for
    row(
        r"[Vv]irtual[ -]machines? (?:are not supported|not supported)"
        r"|Instance type .{0,40}not (?:operational|supported)|vhost_vsock|KVM",
        "The host can make no VMs",
        "Add --kind container for a container; or switch hardware virtualisation on in the host's firmware.",
    ),
    row(
        r"Failed to run: [^\n]{0,300}forkstart",
        "The container was made, and did not start",
        "Too little memory does this, or an image without /sbin/init; set memory to 128M or more.",
    ),
    row(
        r"Invalid (?:config|value)[^\n]*limits\.(?P<limit>\w{1,20})",
        "{title} does not accept this much {limit}",
        "Set another one.",
    ),
    # the name
    row(
        r"Invalid instance name: (?P<reason>[^\n]*)",
        "The name is not one that {title} accepts: {reason}",
        "Use letters, digits and hyphens; a letter first, no hyphen last, at most 63.",
    ),
    row(
        r"already exists",
        "The host already has an instance of that name",
        "Run this again: every run gets a name of its own.",
    ),
    # the VM
    row(
        r"Timed out waiting for its commands",
        "The instance was not ready in time",
        "Run it again with a longer boot_timeout; `{command} console` on the host shows how far it comes.",
    ),
    row(
        r"Instance is busy running an? \"(?P<operation>[^\"\n]*)\" operation",
        "{title} is still busy with it: {operation}",
        "Wait until that has ended; `{command} operation list` on the host shows it.",
    ),
    row(
        r"VM agent isn't currently running",
        "The VM does not answer: it is still booting, or its image has no agent",
        "Try again in a minute. If it stays so, choose an image with {title}'s agent.",
    ),
    row(
        r"[Ii]nstance is not running",
        "The instance is not running",
        "It stopped by itself, or somebody stopped it. Run this again to get a new one.",
    ),
    row(
        r"[Ii]nstance not found",
        "The host has no instance of that name",
        "It was deleted, or a launch has not got that far yet. `{command} list` on the host shows all.",
    ),
    # files on their way into it or out of it
    row(
        r"^Error: (?:Not Found|file does not exist)",
        "The folder that the file was to go into is not there",
        "Make it first, or choose another one; `dayfly exec` can look into the VM.",
    ),
    # the command line: this is not one we know
    row(
        r"^Error: (?P<line>unknown (?:command|flag|shorthand flag)[^\n]*)",
        "{title} did not understand the command: {line}",
        "`{command} version` on the host shows which one it has.",
    ),
)


def explain(stderr: bytes, status: int, manager: str, tool: Tool) -> tuple[str, str]:
    """(sentence, hint) for what a command of `manager` wrote when it failed; both safe to show."""
    text = failures.last_text(stderr)
    words = {
        key: getattr(tool, key) for key in ("title", "command", "group", "setup", "restart", "image", "log")
    }
    if known := failures.find(_FAILURES, text, words=words):
        return known
    if status == NOT_FOUND and failures.is_about(manager, text):
        return (
            f"The command {clean_line(manager)} is not where this account on the host looks for it",
            f"Install {tool.title} there ({tool.install}), or set `manager` in the host's entry to the "
            "command's full path.",
        )
    return (
        _last_error(text, status, tool),
        f"dayfly does not know this failure. Run the command on the host by hand, or look at what "
        f"{tool.title} says there: `{tool.log}`.",
    )


def _last_error(text: str, status: int, tool: Tool) -> str:
    lines = [line for line in (clean_line(line).strip() for line in text.split("\n")) if line]
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")] or lines
    if not errors:
        return f"{tool.title} ended with status {status} and did not say why"
    return failures.one_line(errors[-1])
