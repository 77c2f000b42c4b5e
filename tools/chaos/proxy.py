"""A TCP proxy whose line can be cut, go silent and be mended again, in a thread of its own."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
import sys
import threading
from collections.abc import Callable

# Instructions of a socket's filter (linux/filter.h): operation, steps ahead if true, if false, value.
FLAGS = (0x30, 0, 0, 13)  # read the byte of a TCP header that says what the packet is
IF_NEW = (0x45, 0, 1, 0x06)  # SYN, or RST
KEEP = (0x06, 0, 0, 0xFFFF)
DROP = (0x06, 0, 0, 0)
SO_ATTACH_FILTER = 26  # of Linux; the standard library has no name for it
CHUNK = 64 * 1024
START_SECONDS = 5.0


class Proxy:
    """A line to a port of this machine. All methods may be called from any thread."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._passing = asyncio.Event()
        self._passing.set()
        self._refusing = False
        self._delay = 0.0
        self._open: set[asyncio.StreamWriter] = set()
        self._started = threading.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"wire-{target}")
        self._thread.start()
        if not self._started.wait(START_SECONDS):
            raise RuntimeError("the proxy did not start")

    def silence(self) -> None:
        """From now on nothing passes in either direction and nobody is told, as when a cable is pulled."""
        self._call(self._passing.clear)

    def cut(self) -> None:
        """Reset all connections; new ones are closed at once."""
        self._call(self._cut)

    def reset(self) -> None:
        """Reset all connections that stand now; new ones pass."""
        self._call(self._reset)

    def lose(self) -> None:
        """All connections that stand now are dead for ever, and nobody is told, as when a router forgets them; new ones pass.

        What comes on them is not even acknowledged, where the system lets a socket drop its packets: on Linux.
        """
        self._call(self._lose)

    def slow(self, seconds: float) -> None:
        """Hold back every piece of data for so long."""
        self._delay = seconds

    def mend(self) -> None:
        """Everything passes again; what was held back in silence arrives late, as repeated packets do."""
        self._delay = 0.0
        self._call(self._mend)

    def close(self) -> None:
        """End the proxy."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)

    def _call(self, act: Callable[[], object]) -> None:
        """Do it in the proxy's thread, and wait; what it raises comes out here."""

        async def done() -> None:
            act()

        try:
            asyncio.run_coroutine_threadsafe(done(), self._loop).result(START_SECONDS)
        except TimeoutError:
            raise RuntimeError("the proxy does not answer") from None

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(lambda _loop, _context: None)  # of connections torn on purpose
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        self._reset()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _cut(self) -> None:
        self._refusing = True
        self._reset()

    def _reset(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    def _lose(self) -> None:
        for writer in self._open:
            if not writer.is_closing():  # what was lost before is closed by who gave it up, and still counted
                _swallow(writer.get_extra_info("socket"))
        self._passing.clear()
        self._passing = asyncio.Event()
        self._passing.set()

    def _mend(self) -> None:
        self._refusing = False
        self._passing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        self._open.add(writer)
        passing = self._passing
        try:
            await passing.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            self._open.discard(writer)
            writer.transport.abort()
            return
        self._open.add(far_writer)
        await asyncio.gather(self._pump(reader, far_writer, passing), self._pump(far_reader, writer, passing))
        self._open -= {writer, far_writer}

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passing: asyncio.Event
    ) -> None:
        try:
            while data := await reader.read(CHUNK):
                await passing.wait()
                if self._delay:
                    await asyncio.sleep(self._delay)
                writer.write(data)
                await writer.drain()
            await passing.wait()
        except OSError:
            # One end hung up, or the wire was cut: the other end is told by the close, unless the line is lost.
            await passing.wait()
        finally:
            writer.close()


def _swallow(line: socket.socket) -> None:
    """From now on the kernel drops what comes for this socket, as if it had never come, but what would open another from the same port.

    A router that has forgotten a connection lets that pass. Without it whoever was given the port of a lost connection, which after
    the loss of 24 is one connection in 1,200, would wait in vain.
    """
    if not sys.platform.startswith("linux"):
        return
    program = (FLAGS, IF_NEW, KEEP, DROP)
    packed = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    line.setsockopt(
        socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(packed))
    )
