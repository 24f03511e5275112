"""How the emulated Multipass prints: tables, JSON, CSV and YAML, as recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tui.demo.images import BLUEPRINT_VERSION, Image
from tui.demo.world import GIB, MIB, Vm, VmState

_BLUEPRINTS = "blueprints (deprecated)"


@dataclass(frozen=True, slots=True)
class Load:
    """What `info` finds out by asking the guest."""

    load: tuple[float, float, float]
    disk_used: int
    memory_used: int


def size(bytes_: int) -> str:
    """`768.0MiB`."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (1024, "KiB")):
        if bytes_ >= unit:
            return f"{bytes_ / unit:.1f}{name}"
    return f"{bytes_}B"


def pretty(value: object, indent: int = 0) -> str:
    """JSON in its layout: four blanks, empty lists and objects on two lines, keys sorted."""
    inner, outer = " " * (indent + 4), " " * indent
    if isinstance(value, Mapping):
        rows = [f"{inner}{json.dumps(key)}: {pretty(value[key], indent + 4)}" for key in sorted(value)]
        return "{\n" + "".join(",\n".join(rows) + "\n" if rows else "") + outer + "}"
    if isinstance(value, list | tuple):
        rows = [inner + pretty(each, indent + 4) for each in value]
        return "[\n" + "".join(",\n".join(rows) + "\n" if rows else "") + outer + "]"
    return json.dumps(value)


def versions(form: str, version: str) -> str:
    """`multipass version`."""
    if form == "json":
        return pretty({"multipass": version, "multipassd": version}) + "\n"
    if form == "yaml":
        return f"multipass: {version}\nmultipassd: {version}\n"
    if form == "csv":
        return f"Multipass,Multipassd\n{version},{version}\n"
    return f"multipass   {version}\nmultipassd  {version}\n"


# ---- find


def catalogue(images: Sequence[Image], form: str, *, everything: bool) -> str:
    """`multipass find`."""
    if form == "json":
        return pretty(_catalogue_data(images, everything=everything)) + "\n"
    if form == "csv":
        head = "Image,Remote,Aliases,OS,Release,Version,Type\n"
        return head + "".join(
            f"{image.name},{image.remote},{';'.join(image.aliases)},Ubuntu,{image.release},"
            f"{image.version},Cloud Image\n"
            for image in images
        )
    if form == "yaml":
        return "errors:\n  []\nimages:\n" + "".join(_image_yaml(image) for image in images)
    return _catalogue_table(images, everything=everything)


def _catalogue_data(images: Sequence[Image], *, everything: bool) -> dict[str, object]:
    blueprint = {
        "aliases": [],
        "os": "",
        "release": "a stand-in blueprint",
        "remote": "",
        "version": BLUEPRINT_VERSION,
    }
    return {
        _BLUEPRINTS: {"standin": blueprint} if everything else {},
        "errors": [],
        "images": {
            image.key: {
                "aliases": list(image.aliases),
                "os": "Ubuntu",
                "release": image.release,
                "remote": image.remote,
                "version": image.version,
            }
            for image in images
        },
    }


def _image_yaml(image: Image) -> str:
    aliases = "".join(f"\n      - {alias}" for alias in image.aliases) or "\n      []"
    remote = image.remote or '""'
    return (
        f"  {image.key}:\n    aliases:{aliases}\n    os: Ubuntu\n    release: {image.release}\n"
        f"    version: {image.version}\n    remote: {remote}\n"
    )


def _catalogue_table(images: Sequence[Image], *, everything: bool) -> str:
    if not images:
        return "No images found.\n"
    rows = [("Image", "Aliases", "Version", "Description")]
    rows += [
        (image.key, ",".join(image.aliases), image.version, f"Ubuntu {image.release}") for image in images
    ]
    text = _columns(rows, (28, 18, 17)) + "\n"
    if everything:
        head = (f"{'Blueprint'} (deprecated)", "Aliases", "Version", "Description")
        text += (
            _columns([head, ("standin", "", BLUEPRINT_VERSION, "a stand-in blueprint")], (28, 18, 17)) + "\n"
        )
    return text


def _columns(rows: Iterable[Sequence[str]], widths: Sequence[int]) -> str:
    return "".join(
        "".join(f"{cell:<{width}}" for cell, width in zip(row, (*widths, 0), strict=True)) + "\n"
        for row in rows
    )


# ---- list


def listing(vms: Sequence[Vm], form: str) -> str:
    """`multipass list`."""
    if form == "json":
        return pretty({"list": [_row(vm) for vm in vms]}) + "\n"
    if form == "csv":
        return "Name,State,IPv4,IPv6,Release,AllIPv4\n" + "".join(
            f'{vm.name},{vm.shown_state},{_ipv4(vm)},,{vm.image},"{_ipv4(vm)}"\n' for vm in vms
        )
    if form == "yaml":
        return "".join(_row_yaml(vm) for vm in vms) or "\n"
    if not vms:
        return "No instances found.\n"
    width = max(24, *(len(vm.name) + 2 for vm in vms))
    rows = [("Name", "State", "IPv4", "Image")]
    rows += [(vm.name, vm.shown_state.value, _ipv4(vm) or "--", vm.image) for vm in vms]
    return _columns(rows, (width, 18, 17))


def _row(vm: Vm) -> dict[str, object]:
    return {
        "ipv4": [_ipv4(vm)] if _ipv4(vm) else [],
        "name": vm.name,
        "release": vm.image,
        "state": vm.shown_state.value,
    }


def _row_yaml(vm: Vm) -> str:
    address = f"- {_ipv4(vm)}" if _ipv4(vm) else "[]"
    return f"{vm.name}:\n  - state: {vm.shown_state}\n    ipv4:\n      {address}\n    release: {vm.image}\n"


def _ipv4(vm: Vm) -> str:
    return vm.ipv4 if vm.shown_state is VmState.RUNNING else ""


# ---- info


def details(vms: Sequence[tuple[Vm, Load | None]], form: str) -> str:
    """`multipass info`. Without a load: not running, or not asked for."""
    if form == "json":
        return pretty({"errors": [], "info": {vm.name: _info(vm, load) for vm, load in vms}}) + "\n"
    if form == "csv":
        head = (
            "Name,State,Ipv4,Ipv6,Release,Image hash,Image release,Load,Disk usage,Disk total,"
            "Memory usage,Memory total,Mounts,AllIPv4,CPU(s),Snapshots\n"
        )
        return head + "".join(_info_csv(vm, load) for vm, load in vms)
    if form == "yaml":
        return "errors:\n  - ~\n" + "".join(_info_yaml(vm, load) for vm, load in vms)
    return "\n".join(_info_text(vm, load) for vm, load in vms)


def _info(vm: Vm, load: Load | None) -> dict[str, object]:
    disk = {"total": str(vm.disk), "used": str(load.disk_used)} if load else {}
    return {
        "cpu_count": str(vm.cpus) if load else "",
        "disks": {"sda1": disk},
        "image_hash": vm.image_hash,
        "image_release": vm.image_release,
        "ipv4": [vm.ipv4] if load else [],
        "load": list(load.load) if load else [],
        "memory": {"total": vm.memory, "used": load.memory_used} if load else {},
        "mounts": {},
        "release": vm.release if load else "",
        "snapshot_count": str(len(vm.snapshots)),
        "state": vm.shown_state.value,
    }


def _info_csv(vm: Vm, load: Load | None) -> str:
    shown = (
        (_loads(load), load.disk_used, vm.disk, load.memory_used, vm.memory) if load else ("", "", "", "", "")
    )
    address, release, cpus = (vm.ipv4, vm.release, vm.cpus) if load else ("", "", "")
    cells = (
        vm.name, vm.shown_state, address, "", release, vm.image_hash, vm.image_release,
        *shown, "", address, cpus, len(vm.snapshots),
    )  # fmt: skip
    return ",".join(str(cell) for cell in cells) + "\n"


def _info_yaml(vm: Vm, load: Load | None) -> str:
    data = _info(vm, load)
    return f"{vm.name}:\n" + "".join(
        f"  - {key}: {json.dumps(value)}\n" for key, value in sorted(data.items())
    )


def _info_text(vm: Vm, load: Load | None) -> str:
    rows = [
        ("Name", vm.name),
        ("State", vm.shown_state.value),
        ("Snapshots", str(len(vm.snapshots))),
        ("IPv4", vm.ipv4 if load else "--"),
        ("Release", vm.release if load else "--"),
        ("Image hash", vm.image_hash[:12] + (f" (Ubuntu {vm.image_release})" if vm.image_release else "")),
        ("CPU(s)", str(vm.cpus) if load else "--"),
        ("Load", _loads(load) if load else "--"),
        ("Disk usage", f"{size(load.disk_used)} out of {size(vm.disk)}" if load else "--"),
        ("Memory usage", f"{size(load.memory_used)} out of {size(vm.memory)}" if load else "--"),
        ("Mounts", "--"),
    ]
    return "".join(f"{title + ':':<16}{value}\n" for title, value in rows)


def _loads(load: Load) -> str:
    return " ".join(f"{each:.2f}" for each in load.load)


def snapshots(vms: Sequence[Vm]) -> str:
    """`multipass info --snapshots --format json` and `list --snapshots --format json`."""
    info = {
        vm.name: {
            "snapshots": {
                each.name: {
                    "children": [],
                    "comment": each.comment,
                    "cpu_count": str(vm.cpus),
                    "created": each.created,
                    "disk_space": size(vm.disk),
                    "memory_size": size(vm.memory),
                    "mounts": {},
                    "parent": each.parent,
                    "size": "",
                }
                for each in vm.snapshots
            }
        }
        for vm in vms
        if vm.snapshots
    }
    return pretty({"errors": [], "info": info}) + "\n"
