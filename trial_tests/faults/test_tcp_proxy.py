"""The fault proxy itself: what it is told to do is what clients and servers see."""

import socket
import threading
import time

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.tcp_proxy import Direction, TcpProxy

PATIENCE = 10.0


class Echo:
    """A server that sends back what it hears, until the client ends its half."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.heard = 0
        self.threads: list[threading.Thread] = []
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.listening.getsockname()[1])

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        with client:
            try:
                while data := client.recv(65536):
                    self.heard += len(data)
                    client.sendall(data)
                client.sendall(b"bye")
            except OSError:
                return

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


class TcpProxyTests(SynchronousTestCase):
    timeout = 60

    def setUp(self) -> None:
        self.echo = Echo()
        self.addCleanup(self.echo.close)
        self.proxy = TcpProxy(self.echo.address)
        self.proxy.start()
        self.addCleanup(self.proxy.stop)

    def client(self, patience: float = PATIENCE) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=patience)
        self.addCleanup(client.close)
        return client

    def read(self, client: socket.socket, size: int) -> bytes:
        found = b""
        while len(found) < size and (data := client.recv(size - len(found))):
            found += data
        return found

    def asked(self, client: socket.socket, data: bytes = b"hello") -> bytes:
        client.sendall(data)
        return self.read(client, len(data))

    def wait_until(self, is_so) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)

    def test_it_passes_and_counts(self) -> None:
        """Half-close as well: the server's last words arrive."""
        client = self.client()
        data = bytes(range(256)) * 4096
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        self.assertEqual(self.read(client, len(data)), data)
        sender.join()
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read(client, 10), b"bye")
        counts = self.proxy.counts
        self.assertEqual((counts.accepted, counts.cut), (1, 0))
        self.assertEqual((counts.to_server, counts.to_client), (len(data), len(data) + 3))
        self.wait_until(lambda: self.proxy.open == 0)

    def test_refused_and_cut(self) -> None:
        """What is open goes on while new ones are refused, until it is cut; then all is well
        at the same port."""
        client = self.client()
        self.assertEqual(self.asked(client), b"hello")
        self.proxy.refuse()
        self.assertRaises(ConnectionRefusedError, self.client)
        self.assertEqual(self.asked(client), b"hello")
        self.assertEqual(self.proxy.cut(), 1)
        self.assertRaises(ConnectionResetError, client.recv, 1)
        self.proxy.heal()
        self.assertEqual(self.asked(self.client()), b"hello")

    def test_a_pause_loses_nothing(self) -> None:
        client = self.client()
        self.assertEqual(self.asked(client), b"hello")
        self.proxy.pause()
        late = self.client(0.2)
        for each in (client, late):
            each.settimeout(0.2)
            each.sendall(b"still")
            self.assertRaises(TimeoutError, each.recv, 1)
            each.settimeout(PATIENCE)
        self.proxy.heal()
        for each in (client, late):
            self.assertEqual(self.read(each, 5), b"still")

    def test_a_black_hole_swallows(self) -> None:
        """And whoever fell into it is reset when it is gone."""
        client = self.client()
        self.assertEqual(self.asked(client), b"hello")
        self.proxy.black_hole()
        late = self.client()
        for each in (client, late):
            each.settimeout(0.2)
            each.sendall(b"lost")
            self.assertRaises(TimeoutError, each.recv, 1)
            each.settimeout(PATIENCE)
        self.proxy.heal()
        for each in (client, late):
            self.assertRaises(ConnectionResetError, each.recv, 1)
        self.assertEqual(self.echo.heard, 5)
        self.assertEqual(self.asked(self.client()), b"hello")

    def test_cut_in_the_middle_of_a_transfer(self) -> None:
        """To the octet, counted from now on and for each connection."""
        client = self.client()
        self.assertEqual(self.asked(client), b"hello")
        self.proxy.cut_after(1000)
        self.assertEqual(self.asked(client, b"x" * 600), b"x" * 600)
        client.sendall(b"y" * 600)
        with self.assertRaises(ConnectionResetError):
            while client.recv(1000):
                pass
        self.wait_until(lambda: self.echo.heard == 1005)
        self.proxy.heal()
        self.proxy.cut_after(3, Direction.TO_CLIENT)
        late = self.client()
        late.sendall(b"hello")
        self.assertEqual(self.read(late, 3), b"hel")
        self.assertRaises(ConnectionResetError, late.recv, 1)
        self.assertEqual(self.proxy.counts.cut, 2)

    def test_slow_passes_all_of_it(self) -> None:
        """In small pieces; how fast is not judged here."""
        self.proxy.slow(200_000, latency=0.001)
        client = self.client()
        self.assertEqual(self.asked(client, b"z" * 20_000), b"z" * 20_000)
