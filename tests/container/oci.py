"""What `docker run` makes of its options, for an OCI runtime: a container with Docker's defaults, opened by options.

Source: moby's oci/defaults.go, oci/caps/defaults.go and profiles/seccomp; the OCI runtime specification 1.0.2.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]

CHECKOUT: Final = Path(__file__).resolve().parents[2]
_ADDED: Final = "whodunet"  # how the comment of what our profile adds to Docker's begins
_CAPABILITIES: Final = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
)  # fmt: skip
_MORE_CAPABILITIES: Final = {  # of a privileged container, as far as whoever starts it has them
    "CAP_DAC_READ_SEARCH": 2, "CAP_NET_BROADCAST": 11, "CAP_NET_ADMIN": 12, "CAP_IPC_LOCK": 14, "CAP_IPC_OWNER": 15,
    "CAP_SYS_MODULE": 16, "CAP_SYS_RAWIO": 17, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21, "CAP_SYS_NICE": 23,
    "CAP_SYS_RESOURCE": 24, "CAP_SYS_TIME": 25, "CAP_SYS_TTY_CONFIG": 26, "CAP_LEASE": 28,
}  # fmt: skip
_MASKED: Final = (
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
)  # fmt: skip
_READ_ONLY: Final = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_MOUNTS: Final = (  # where, kind, options
    ("/proc", "proc", "nosuid,noexec,nodev"),
    ("/dev", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
    ("/dev/pts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"),
    ("/sys", "sysfs", "nosuid,noexec,nodev,ro"),
    ("/sys/fs/cgroup", "cgroup", "nosuid,noexec,nodev,ro"),
    ("/dev/mqueue", "mqueue", "nosuid,noexec,nodev"),
    ("/dev/shm", "tmpfs", "nosuid,noexec,nodev,mode=1777,size=65536k"),
)
_DEVICES: Final = ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2))
_TUN: Final = "/dev/net/tun"


@dataclass(frozen=True)
class Run:
    """One `docker run`."""

    arguments: tuple[str, ...]  # of the image's entry point
    user: str | None = None
    entrypoint: str | None = None
    is_privileged: bool = False
    has_tun: bool = False
    security: frozenset[str] = frozenset()

    @classmethod
    def of(cls, line: Sequence[str]) -> Run:
        """The words of a command line: `docker run OPTIONS whodunet ARGUMENTS`."""
        parser = argparse.ArgumentParser(prog="docker run", exit_on_error=False)
        for switch in ("--rm", "-it", "--privileged"):
            parser.add_argument(switch, action="store_true")
        parser.add_argument("--user")
        parser.add_argument("--entrypoint")
        parser.add_argument("--device", choices=[_TUN])
        parser.add_argument("--security-opt", action="append", default=[])
        parser.add_argument("image", choices=["whodunet"])
        parser.add_argument("arguments", nargs=argparse.REMAINDER)
        assert list(line[:2]) == ["docker", "run"], line
        said = parser.parse_args(line[2:])
        return cls(
            tuple(said.arguments), said.user, said.entrypoint, said.privileged, said.device is not None,
            frozenset(said.security_opt),
        )  # fmt: skip

    def config(self, root: str, entrypoint: Sequence[str], directory: str, uid: int) -> str:
        """The bundle's config.json, for an image whose files are at `root`."""
        is_open = self.is_privileged or "systempaths=unconfined" in self.security
        linux: dict[str, Json] = {
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
            "devices": [_tun_node()] if self.has_tun or self.is_privileged else [],
            "resources": {"devices": self._device_rules()},
            "maskedPaths": [] if is_open else _MASKED,
            "readonlyPaths": [] if is_open else _READ_ONLY,
        }
        profile = self._profile()
        if profile is not None:
            linux["seccomp"] = _for_runtime(profile)
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        process: Json = {
            "args": [*([self.entrypoint] if self.entrypoint else entrypoint), *self.arguments],
            "user": {"uid": uid, "gid": uid},
            "cwd": directory,
            "env": [path, "HOME=/root" if uid == 0 else "HOME=/home/whodunet"],
            "capabilities": self._capabilities(uid),
            "noNewPrivileges": "no-new-privileges" in self.security,
        }
        config: Json = {
            "ociVersion": "1.0.2",
            "hostname": "container",
            "root": {"path": root},
            "process": process,
            "mounts": list(self._mounts()),
            "linux": linux,
        }
        return json.dumps(config)

    def _mounts(self) -> Iterator[Json]:
        for place, kind, options in _MOUNTS:
            allowed = [option for option in options.split(",") if option != "ro" or not self.is_privileged]
            yield {"destination": place, "type": kind, "source": kind, "options": allowed}

    def _capabilities(self, uid: int) -> Json:
        """Those of root; another user has none, but for programs with file capabilities or a set-user-id bit."""
        own = int(re.findall(r"^CapBnd:\t(.*)$", Path("/proc/self/status").read_text(), re.MULTILINE)[0], 16)
        more = [name for name, number in _MORE_CAPABILITIES.items() if own >> number & 1]
        could = [*_CAPABILITIES, *(more if self.is_privileged else ())]
        has = could if uid == 0 else []
        return {"bounding": could, "effective": has, "permitted": has, "inheritable": [], "ambient": []}

    def _device_rules(self) -> list[Json]:
        if self.is_privileged:
            return [{"allow": True, "access": "rwm"}]
        usable = [*_DEVICES, *([(10, 200)] if self.has_tun else [])]
        each: list[Json] = [
            {"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"} for major, minor in usable
        ]
        terminals: Json = {"allow": True, "type": "c", "major": 136, "access": "rwm"}
        nodes: list[Json] = [{"allow": True, "type": kind, "access": "m"} for kind in "cb"]
        return [{"allow": False, "access": "rwm"}, *nodes, *each, terminals]

    def _profile(self) -> dict[str, list[dict[str, Json]]] | None:
        named = [option.removeprefix("seccomp=") for option in self.security if option.startswith("seccomp=")]
        if self.is_privileged or named == ["unconfined"]:
            return None
        profile: dict[str, list[dict[str, Json]]] = json.loads((CHECKOUT / (named or ["seccomp.json"])[0]).read_text())
        if not named:  # Docker's own
            profile["syscalls"] = [each for each in profile["syscalls"] if not _is_added(each)]
        return profile


def _is_added(entry: Mapping[str, Json]) -> bool:
    return str(entry.get("comment", "")).startswith(_ADDED)


def _tun_node() -> Json:
    """As every Debian has it: for all to open. Source: systemd's 50-udev-default.rules."""
    return {"path": _TUN, "type": "c", "major": 10, "minor": 200, "fileMode": 0o666, "uid": 0, "gid": 0}


def _for_runtime(profile: Mapping[str, list[dict[str, Json]]]) -> Json:
    """A profile as Docker has it becomes one for a runtime: without what another machine or other capabilities need."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]

    def named(entry: Mapping[str, Json], key: str, kind: str) -> set[str]:
        found = entry.get(key) or {}
        assert isinstance(found, Mapping)
        return {str(each) for each in _listed(found.get(kind))}

    def is_meant(entry: Mapping[str, Json]) -> bool:
        machines = named(entry, "includes", "arches")
        is_included = (not machines or machine in machines) and named(entry, "includes", "caps") <= {*_CAPABILITIES}
        excluded = named(entry, "excludes", "arches") | named(entry, "excludes", "caps")
        return is_included and not excluded & {*_CAPABILITIES, machine}

    kept = [
        {key: entry[key] for key in ("names", "action", "args", "errnoRet") if entry.get(key) is not None}
        for entry in profile["syscalls"]
        if is_meant(entry)
    ]
    own = f"SCMP_ARCH_{platform.machine().upper()}"
    [others] = [each.get("subArchitectures") for each in profile["archMap"] if each["architecture"] == own]
    return {
        "defaultAction": str(profile["defaultAction"]),
        "defaultErrnoRet": 1,
        "architectures": [own, *map(str, _listed(others))],
        "syscalls": kept,
    }


def _listed(value: Json) -> Sequence[Json]:
    assert value is None or isinstance(value, Sequence)
    return value or ()
