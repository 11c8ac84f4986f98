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

VARIABLE = "FAULTS_WORLD"  # which of both this process has: set before it is started again
DISK_BYTES = 8 * 1024**3  # never all used: the fault makes the disk smaller, not fuller
_IFF_UP, _GET_FLAGS, _SET_FLAGS = 0x1, 0x8913, 0x8914
_TRIES = 50
_TRY_MOUNT = "mount -t tmpfs -o size=1m none /mnt && mount -o remount,size=2m /mnt"


def enter(*, network: bool) -> None:
    """Start this program again with as much of its own as is possible, if that has not been done.

    Args:
        network: whether a network of its own is wanted; what must be reached from within it cannot be outside.
    """
    if VARIABLE in os.environ:
        return
    root = [] if os.geteuid() == 0 else ["--map-root-user"]
    for own in (["mount", "net"], ["mount"], ["net"]):
        if not network and "net" in own:
            continue
        way = ["unshare", *root, *(f"--{name}" for name in own)]
        probe = [*way, "sh", "-c", _TRY_MOUNT if "mount" in own else "true"]
        if shutil.which("unshare") and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            os.environ[VARIABLE] = " ".join(own)
            os.execvp(way[0], [*way, sys.executable, *sys.orig_argv[1:]])
    os.environ[VARIABLE] = "none"


def has(what: str) -> bool:
    """Return whether this process has a namespace of its own for "net" or "mount"."""
    return what in os.environ.get(VARIABLE, "").split()


def why_not(what: str) -> str:
    """Return why it has none, in words; empty where it has."""
    return "" if has(what) else f"no {what} namespace: it takes root, or user namespaces that may have one"


def loopback(*, up: bool) -> None:
    """Bring up or take down the loopback of this network: everybody in it is cut from everybody else."""
    assert has("net"), "never the machine's own loopback"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(any_socket, _GET_FLAGS, request))[1]
        flags = flags | _IFF_UP if up else flags & ~_IFF_UP
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14s", b"lo", flags, b""))


class SmallDisk:
    """A file system in memory under a folder, whose size can be changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        _mount("-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "faults", str(folder))

    def leave_free(self, free_bytes: int) -> None:
        """Make it so small that only so many bytes are left."""
        for tries_left in reversed(range(_TRIES)):
            told = os.statvfs(self._folder)
            used = (told.f_blocks - told.f_bfree) * told.f_frsize
            try:
                _mount("-o", f"remount,size={used + free_bytes}", str(self._folder))
            except subprocess.CalledProcessError:  # the product has written meanwhile: it would be too small
                if not tries_left:
                    raise
            else:
                return

    def make_room(self) -> None:
        """Give it its size back."""
        _mount("-o", f"remount,size={DISK_BYTES}", str(self._folder))


def take_away(folder: Path) -> None:
    """Remove a folder, with the file system that may lie under its data dir."""
    if has("mount"):
        subprocess.run(["umount", "--lazy", str(folder / "data")], capture_output=True, check=False)
    shutil.rmtree(folder, ignore_errors=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
