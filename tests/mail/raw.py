"""A server that breaks connections at a chosen point: one script for each connection."""

import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

Script = Callable[["Peer"], None]


class Peer:
    """The server's side of one connection."""

    def __init__(self, sock: socket.socket, ended: threading.Event) -> None:
        self.sock = sock
        self._file = sock.makefile("rb")
        self.ended = ended
        """Set when the test is over: what a script that hangs waits for."""

    def read_request(self) -> bytes:
        """Read one whole HTTP request; return its body."""
        length = 0
        while (line := self._file.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return self._file.read(length)

    def read_line(self) -> bytes:
        return self._file.readline()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reset(self) -> None:
        """Close with RST, not FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self._file.close()
        self.sock.close()


class RawServer:
    """Runs the scripts, the n-th for the n-th connection. A context manager."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._scripts = scripts
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.connections = 0
        self.errors: list[Exception] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def _run(self) -> None:
        for script in self._scripts:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            peer = Peer(sock, self._ended)
            try:
                script(peer)
            except OSError as error:
                self.errors.append(error)
            finally:
                peer.close()

    def __enter__(self) -> "RawServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in accept
        self._socket.close()
        self._thread.join(timeout=5)
        assert not self._thread.is_alive()


def hang(peer: Peer) -> None:
    peer.read_request()
    peer.ended.wait(10)


def close_unanswered(peer: Peer) -> None:
    peer.read_request()


def reset_unanswered(peer: Peer) -> None:
    peer.read_request()
    peer.reset()


def close_in_head(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")


def close_in_body(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{}")


def close_in_chunk(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n[]")


def trickle(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not peer.ended.wait(0.02):
        peer.send(b" ")


def trickle_slowly(peer: Peer, data: bytes) -> None:
    """Send a byte at a time, for a few seconds at least: each alone comes soon enough."""
    for byte in data:
        if peer.ended.wait(0.02):
            return
        peer.send(bytes([byte]))


def trickle_head(peer: Peer) -> None:
    peer.read_request()
    trickle_slowly(peer, b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 200 + b"\r\n")
    peer.send(b"Content-Length: 2\r\n\r\n{}")


def trickle_interim(peer: Peer) -> None:
    """One interim answer after the other (RFC 9110, section 15.2)."""
    peer.read_request()
    for _ in range(200):
        if peer.ended.wait(0.02):
            return
        peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def trickle_chunks(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    trickle_slowly(peer, b"1\r\n \r\n" * 40)
    peer.send(b"2\r\n{}\r\n0\r\n\r\n")


def trickle_handshake(peer: Peer) -> None:
    """Begin a TLS record of 16 KB, and send it byte by byte (RFC 8446, section 5.1)."""
    peer.sock.recv(1)
    trickle_slowly(peer, b"\x16\x03\x03\x40\x00" + bytes(400))


def read_slowly(peer: Peer) -> None:
    """Take the request a byte at a time."""
    while not peer.ended.wait(0.02) and peer.sock.recv(1):
        pass


def close_in_error(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 500 No\r\nContent-Length: 90\r\n\r\nno")


def reset_while_sending(peer: Peer) -> None:
    peer.sock.recv(1)
    peer.reset()
