"""Decoding by OpenJPEG in a child process, with limits of processor time and memory that the system enforces.

A header bounds what most decoders do; of JPEG 2000 it does not bound all (see `xray.io.jpeg_2000`). The first file
starts the child, which stays for the next ones: it takes 0.3 s to start and 30 MB of memory, and each file 1 ms more
than decoding it here. Windows has no such limits: there the checks of the header hold alone.
"""

import atexit
import os
import struct
import subprocess
import sys
from threading import Lock

# Of processor time. The largest radiograph that is read, 25 million pixels of 16 bits without loss, took 4.5 s.
SECONDS = 15
# Of addresses; that radiograph took 280 MB.
BYTES = 512 * 2**20
_SIZE = struct.Struct("<q")
_FAILED = -1


class DecodingError(ValueError):
    """The child could not decode it.

    Attributes:
        exceeded: whether a limit ended the child, or the decoder crashed; else the data is damaged.
    """

    def __init__(self, *, exceeded: bool) -> None:
        super().__init__("exceeded its limits" if exceeded else "damaged")
        self.exceeded = exceeded


class Child:
    """A child process that decodes one file after the other; any number of threads may use it."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._parent = 0
        atexit.register(self.end)

    def decode(self, codestream: bytes) -> bytes:
        """Decode a JPEG 2000 codestream.

        Returns:
            The samples in little-endian order, in 1, 2 or 4 bytes each, as their precision needs.

        Raises:
            DecodingError: it is damaged, or takes too much time or memory.
            OSError: no child can be started.
        """
        with self._lock:
            process = self._running()
            assert process.stdin and process.stdout  # noqa: S101 - for the type checker
            try:
                process.stdin.write(_SIZE.pack(len(codestream)))
                process.stdin.write(codestream)
                process.stdin.flush()
                (size,) = _SIZE.unpack(process.stdout.read(_SIZE.size))
                content = process.stdout.read(max(size, 0))
            except (OSError, struct.error) as error:
                self.end()
                raise DecodingError(exceeded=True) from error
        if size == _FAILED:
            raise DecodingError(exceeded=False)
        return content

    def end(self) -> None:
        """End the child; the next file starts another."""
        process, self._process = self._process, None
        # A fork of this process leaves the child to it.
        if process and self._parent == os.getpid():
            process.kill()
            process.communicate()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._parent != os.getpid() or self._process.poll() is not None:
            self.end()
            # By its file and with -P: the child needs nothing of ours, and no module beside this one hides one of its.
            command, environment = [sys.executable, "-P", __file__], os.environ | {"OPENBLAS_NUM_THREADS": "1"}
            pipe, none = subprocess.PIPE, subprocess.DEVNULL
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=none, env=environment)
            self._parent = os.getpid()
        return self._process


def _serve() -> None:
    """Decode what comes in, until there is no more."""
    import openjpeg

    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    _limit_memory()
    while header := stdin.read(_SIZE.size):
        codestream = stdin.read(*_SIZE.unpack(header))
        _limit_time(SECONDS)
        try:
            found = bytes(openjpeg.utils.decode_pixel_data(codestream, version=2))
            stdout.write(_SIZE.pack(len(found)) + found)
        except (RuntimeError, TypeError, ValueError):
            stdout.write(_SIZE.pack(_FAILED))
        stdout.flush()
        _limit_time(0)


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # Where the host itself runs out of memory, this process goes first.
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
            score.write("1000")


def _limit_time(seconds: float) -> None:
    if sys.platform != "win32":
        import signal

        # Nobody handles its signal, which ends a process at once, wherever in C that is.
        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    _serve()
