"""A network and a place for mounts of the harness's own, where the machine allows it.

In a network namespace of its own the loopback can be taken down for everybody at once, and no port of the machine is
used; in a mount namespace a small file system can lie under the data dir. Nothing of either outlives the process.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

VARIABLE = "FAULTS_WORLD"
DISK_BYTES = 8 * 1024**3  # never all used: the fault makes the disk smaller, not fuller
SPARE_BYTES = 4096
_IFF_UP, _GET_FLAGS, _SET_FLAGS = 0x1, 0x8913, 0x8914


def enter() -> None:
    """Start this program again in namespaces of its own, if that is possible and has not been done."""
    if VARIABLE in os.environ:
        return
    ways = [["unshare", "--mount", "--net"], ["unshare", "--map-root-user", "--mount", "--net"]]
    for way in ways if shutil.which("unshare") else []:
        probe = [*way, "sh", "-c", "mount -t tmpfs -o size=1m none /mnt && mount -o remount,size=2m /mnt"]
        tried = subprocess.run(probe, capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            os.environ[VARIABLE] = "own"
            os.execvp(way[0], [*way, sys.executable, *sys.orig_argv[1:]])
    os.environ[VARIABLE] = "shared: namespaces are not allowed here (unshare needs root or user namespaces)"


def is_own() -> bool:
    """Return whether this process has namespaces of its own."""
    return os.environ.get(VARIABLE) == "own"


def why_not() -> str:
    """Return why it has none, in words; empty where it has."""
    return "" if is_own() else os.environ.get(VARIABLE, "shared: not asked for")


def loopback(*, up: bool) -> None:
    """Bring up or take down the loopback of this network: everybody in it is cut from everybody else."""
    assert is_own(), "never the machine's own loopback"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(any_socket, _GET_FLAGS, request))[1]
        flags = flags | _IFF_UP if up else flags & ~_IFF_UP
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14s", b"lo", flags, b""))


class SmallDisk:
    """A file system in memory under a folder, whose size can be changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mount(f"size={DISK_BYTES}")

    def leave_free(self, free_bytes: int) -> None:
        """Make it so small that only so many bytes are left."""
        told = os.statvfs(self._folder)
        used = (told.f_blocks - told.f_bfree) * told.f_frsize
        self._mount(f"remount,size={used + free_bytes}")

    def make_room(self) -> None:
        """Give it its size back."""
        self._mount(f"remount,size={DISK_BYTES}")

    def _mount(self, options: str) -> None:
        argv = ["mount", "-t", "tmpfs", "-o", options, "faults", str(self._folder)]
        if options.startswith("remount"):
            argv = ["mount", "-o", options, str(self._folder)]
        subprocess.run(argv, check=True, capture_output=True)
