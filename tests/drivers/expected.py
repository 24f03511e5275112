"""What must be made of each recorded case, written by reading the cases. They are named by their number."""

from __future__ import annotations

from tui.contracts import Version
from tui.model.hosts import ImageInfo, VmInfo

LEFT_OUT = {
    "132": "its stderr is only summed up in the recording",
    "140": "a table of several tries; no command's own output",
    "141": "a table of several tries; no command's own output",
    "142": "a table of several tries; no command's own output",
    "154": "the client never ended: there is nothing to explain",
    "155": "the client never ended: there is nothing to explain",
    "156": "the client never ended: there is nothing to explain",
    "423": "the client never ended: there is nothing to explain",
    "340": "the outputs of three clients in one; 323 and 411 have what they say",
}

VERSIONS = {"002": Version("1.16.2", "1.16.2")}

# Other formats than the one we ask for: nonsense to us, and said so.
OTHER_FORMATS = {"001", "003", "381", "004", "010", "013", "101", "104", "198", "246", "306"}

NOT_AVAILABLE = "Not Available"
LISTS: dict[str, list[VmInfo]] = {
    "011": [],
    "085": [],
    "389": [],
    "102": [VmInfo("vm1", "Running", ("10.131.114.228",), NOT_AVAILABLE)],
    "211": [VmInfo("vm1", "Suspended", (), NOT_AVAILABLE)],
    "216": [VmInfo("vm1", "Stopped", (), NOT_AVAILABLE)],
    "247": [VmInfo("vm1", "Deleted", (), NOT_AVAILABLE)],
    "342": [
        VmInfo("p2", "Running", ("10.131.114.221",), NOT_AVAILABLE),
        VmInfo("p1", "Running", ("10.131.114.245",), NOT_AVAILABLE),
    ],
}
CSV_LISTS: dict[str, list[tuple[str, str]]] = {"012": [], "103": [("vm1", "Running")]}

NOBLE = ImageInfo("24.04", ("lts", "noble"), "Ubuntu 24.04 LTS")
DAILY = ImageInfo("daily:25.10", ("questing", "devel"), "Ubuntu 25.10 (daily build)")
STANDIN = ImageInfo("standin", (), "a stand-in blueprint (blueprint)")
ADGUARD = ImageInfo("appliance:adguard-home", (), "Ubuntu AdGuard Home Appliance")
CORES = [
    ImageInfo("core24", (), "Ubuntu Core 24"),
    ImageInfo("core22", (), "Ubuntu Core 22"),
    ImageInfo("core20", (), "Ubuntu Core 20"),
    ImageInfo("core18", (), "Ubuntu Core 18"),
]
CORE16 = ImageInfo("core", ("core16",), "Ubuntu Core 16")
EVERYTHING = [NOBLE, DAILY, STANDIN, *CORES, ADGUARD, CORE16]
IMAGES: dict[str, list[ImageInfo]] = {
    "005": EVERYTHING,
    "006": [DAILY],
    "007": [ImageInfo("24.04", (), "Ubuntu 24.04 LTS")],
    "008": [],
    "087": EVERYTHING,
    "089": [NOBLE, DAILY, STANDIN, ADGUARD],
    "089c": EVERYTHING,
}

DOWN = ("Multipass on the host is not running, or is just restarting", "snap restart multipass")
STRANGER = ("Multipass on the host does not let this account in", "multipass authenticate")
NOT_UNDERSTOOD = ("Multipass did not understand the command: ", "multipass version")
NOT_READY = ("The VM was not ready in time", "boot_timeout")
NO_IMAGE = ("The host knows no image called nosuchimage", "dayfly images")
BAD_TIMEOUT = ("Multipass does not accept this time limit for the launch", "boot_timeout")
UNEXPLAINED = "did not say why"


def no_vm(name: str) -> tuple[str, str]:
    return (f"There is no VM called {name} on the host", "multipass list")


def bad_name(name: str) -> tuple[str, str]:
    return (f"{name} is not a name that Multipass accepts for a VM", "letters, digits and hyphens")


# Progress in the last words on stdout, then the beginning of the sentence and a part of the hint.
LAUNCHES: dict[str, tuple[str, tuple[str, str] | None]] = {
    "030": ("", NO_IMAGE),
    "031": ("", ("The host knows no image source called nosuch", "before the colon")),
    "032": ("Creating bad1", ("There is no image file /nope/missing.qcow2 on the host", "not here")),
    "033": ("", ("0 is not a number of CPUs", "1 or more")),
    "034": ("", ("two is not a number of CPUs", "1 or more")),
    "035": ("", NO_IMAGE),
    "036": ("", ("Multipass does not accept 1 of memory", "128M")),
    "037": ("", ("lots is not a size", "512M or 1.5G")),
    "038": ("", ("Multipass does not accept 64M of memory", "128M")),
    "039": ("", ("Multipass does not accept a disk of 1M", "512M")),
    "040": (
        "Preparing image for bad1",
        ("A disk of 1G is too small for this image", "Set disk to 3G or more"),
    ),
    "041": ("", ("900T is not a size", "K, M or G")),
    "042": ("", NOT_UNDERSTOOD),
    "043": ("", bad_name("a_b")),
    "044": ("", bad_name("1abc")),
    "045": ("", bad_name("abc-")),
    "046": ("", bad_name("a.b")),
    "047": ("", NO_IMAGE),
    "048": ("", NO_IMAGE),
    "049": ("", NO_IMAGE),
    "050": ("", NO_IMAGE),
    "051": ("", NO_IMAGE),
    "052": ("", ("The cloud-init configuration cannot be used: bad file: /nope/ci.yaml", "YAML")),
    "053": ("", ("The cloud-init configuration cannot be used: yaml-cpp: error at line 2", "YAML")),
    "054": ("", BAD_TIMEOUT),
    "055": ("", BAD_TIMEOUT),
    "056": ("", BAD_TIMEOUT),
    "057": ("", NOT_UNDERSTOOD),
    "058": ("", NOT_UNDERSTOOD),
    "059": ("", ("The host has no such network", "multipass networks")),
    "086": ("Creating off1", ("The host could not download https://127.0.0.1:8099/", "network and proxy")),
    "089b": ("", ("The host has no valid list of images", "find --force-update")),
    "093": ("", DOWN),
    "100": ("Launched: vm1", None),
    "110": ("", ("The host already has a VM called vm1", "multipass delete --purge vm1")),
    "253": ("", ("The host already has a VM called vm1", "multipass delete --purge vm1")),
    "300": ("Launched: al1", None),
    "310": ("Starting to1", NOT_READY),
    "320": ("Retrieving image: 24%", (f"Multipass ended with status 137 and {UNEXPLAINED}", "by hand")),
    "321": ("Retrieving image: 23%", (f"Multipass ended with status 130 and {UNEXPLAINED}", "by hand")),
    "322": ("Retrieving image: 24%", (f"Multipass ended with status 143 and {UNEXPLAINED}", "by hand")),
    "323": ("Launched: dd", None),
    "330": ("Starting sk", (f"Multipass ended with status 137 and {UNEXPLAINED}", "by hand")),
    "331": ("Preparing image for sp", (f"Multipass ended with status 137 and {UNEXPLAINED}", "by hand")),
    "332": ("Launched: d3", None),
    "333": ("Launched: d1", None),
    "334": ("Waiting for initialization to complete", None),
    "335": ("Waiting for initialization to complete", None),
    "336": ("Launched: sf", None),
    "337": ("Launched: ew", None),
    "344": ("Starting k1", DOWN),
    "345": ("Starting k1", DOWN),
    "346": ("Retrieving image: 23%", DOWN),
    "347": ("Preparing image for k3", DOWN),
    "360": ("Launched: c1", None),
    "361": ("Launched: c2", None),
    "363": ("", NOT_READY),
    "370": (
        f"Creating {'a' * 300}",
        ("Multipass could not make the VM's folder on the host", "long VM name"),
    ),
    "371": ("Launched: verified-guppy", None),
    "372": (f"Starting {'b' * 64}", NOT_READY),
    "382": ("", STRANGER),
    "410": ("", ("The host knows no image called no-such-image", "dayfly images")),
    "411": ("", ("A launch of pa is still under way on the host", "Wait")),
    "413": ("", ("A launch of pa is still under way on the host", "Wait")),
}

# Multipass itself failed.
REFUSALS: dict[str, tuple[str, str]] = {
    "009": ("The host knows no image source called nosuch", "before the colon"),
    "081": NOT_UNDERSTOOD,
    "088": ("The host could not download https://127.0.0.1:8099/", "network and proxy"),
    "380": STRANGER,
    "383": STRANGER,
    "060": no_vm("nope"),
    "083": NOT_UNDERSTOOD,
    "084": NOT_UNDERSTOOD,
    "091": DOWN,
    "127": NOT_UNDERSTOOD,
    "138": NOT_UNDERSTOOD,
    "250": ("Somebody deleted the VM vm1", "multipass recover vm1"),
    "065": no_vm("nope"),
    "066": no_vm("nope"),
    "076": NOT_UNDERSTOOD,
    "079": no_vm("a_b"),
    "090": DOWN,
    "228": ("Snapshots can only be purged", "by hand"),
    "230": no_vm("vm1c"),
    "069": no_vm("nope"),
    "070": no_vm("nope"),
    "097": DOWN,
    "180": ("Multipass cannot read /tmp/mpx/nope on the host: No such file or directory", "snap store"),
    "181": ("There is no /tmp/nope in the VM", "dayfly exec"),
    "182": ("The folder that the file was to go into is not in the VM", "Make it first"),
    "184": ("/tmp/mpx/dir is a folder", "a file in it"),
    "186": ("The guest user has no access to /root/x in the VM", "/var/tmp"),
    "187": NOT_UNDERSTOOD,
    "222": ("The VM vm1 is not running", "Somebody stopped it"),
    "257": no_vm("vm1"),
    "307": no_vm("al1-clone1"),
    "348": no_vm("nope"),
}

# What ran in the guest failed: no failure of Multipass may be read into it.
GUEST_FAILURES: dict[str, str] = {
    "112": f"Multipass ended with status 7 and {UNEXPLAINED}",
    "113": f"Multipass ended with status 2 and {UNEXPLAINED}",
    "114": f"Multipass ended with status 255 and {UNEXPLAINED}",
    "115": f"Multipass ended with status 255 and {UNEXPLAINED}",
    "116": f"Multipass ended with status 255 and {UNEXPLAINED}",
    "120": "to-err",
    "121": "bash: line 1: nosuchcommand: command not found",
    "122": "bash: line 1: /etc/hostname: Permission denied",
    "125": "bash: line 1: cd: /nope: No such file or directory",
    "135": "late",
    "136": f"Multipass ended with status 9 and {UNEXPLAINED}",
    "139": "/bin/bash: Argument list too long",
    "150": f"Multipass ended with status 130 and {UNEXPLAINED}",
    "151": f"Multipass ended with status 143 and {UNEXPLAINED}",
    "152": f"Multipass ended with status 137 and {UNEXPLAINED}",
    "153": f"Multipass ended with status 129 and {UNEXPLAINED}",
    "157": f"Multipass ended with status 143 and {UNEXPLAINED}",
    "158": f"Multipass ended with status 137 and {UNEXPLAINED}",
    "159": f"Multipass ended with status 141 and {UNEXPLAINED}",
    "160": f"Multipass ended with status 137 and {UNEXPLAINED}",
    "161": f"Multipass ended with status 143 and {UNEXPLAINED}",
    "162": f"Multipass ended with status 255 and {UNEXPLAINED}",
    "163": f"Multipass ended with status 129 and {UNEXPLAINED}",
    "172": f"Multipass ended with status 7 and {UNEXPLAINED}",
    "421": f"Multipass ended with status 3 and {UNEXPLAINED}",
}

# Commands that worked, and what the guest was to run: our prefix must come to the same command line.
GUEST_COMMANDS: dict[str, tuple[str, str]] = {
    "111": ("vm1", "echo hello"),
    "117": ("vm1", "cat"),
    "118": ("vm1", "cat"),
    "119": ("vm1", "cat"),
    "123": ("vm1", "printf"),
    "124": ("vm1", "pwd"),
    "126": ("vm1", "pwd"),
    "128": ("vm1", "sh -c"),
    "129": ("vm1", "sh -c"),
    "130": ("vm1", "python3 -c"),
    "131": ("vm1", "sha256sum"),
    "133": ("vm1", "sh -c"),
    "134": ("vm1", "sh -c"),
    "137": ("vm1", "sudo id -u"),
    "231": ("vm1", "echo hello"),
    "349": ("p1", "sudo poweroff"),
    "420": ("pb", "sh -c"),
    "422": ("pb", "sh -c"),
}

DELETED = {"077", "229", "245", "249", "255", "256", "308", "350"}

# Files that came whole: in silence, but for those that are asked for on stdout.
TRANSFERS: dict[str, bytes] = {
    **dict.fromkeys(("173", "174", "175", "177", "178", "179", "183", "185"), b""),
    "176": b"via stdin",
}

TABLES = (
    *(VERSIONS, OTHER_FORMATS, LISTS, CSV_LISTS, IMAGES, LAUNCHES, REFUSALS),
    *(GUEST_FAILURES, GUEST_COMMANDS, DELETED, TRANSFERS, LEFT_OUT),
)
