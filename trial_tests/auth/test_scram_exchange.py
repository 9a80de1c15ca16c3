"""SCRAM-SHA-256 on the server's side."""

from base64 import b64decode

from twisted.trial.unittest import SynchronousTestCase

from sora.auth.logging_in import no_binding
from sora.auth.scram import scram_sha_256_keys
from sora.auth.scram_exchange import ScramExchange, ScramKeys
from sora.errors import AuthenticationFailed, BadSyntax
from trial_tests.auth.scram_client import ScramClient

SALT = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
NONCE = b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
BOUND = b"what both ends know"


def keys(password: str = "pencil") -> ScramKeys:
    """The keys of a password."""
    found = ScramKeys.parse(scram_sha_256_keys(password, SALT, 4096))
    assert found is not None
    return found


def exchange(*, plus: bool = False, offered: tuple[str, ...] = ()) -> ScramExchange:
    """A new one."""
    binding = {"tls-exporter": BOUND}.get if offered else no_binding
    return ScramExchange(plus=plus, binding=binding, offered=offered)


class ExchangeTests(SynchronousTestCase):
    def test_the_example(self) -> None:
        """RFC 7677 §3"""
        server = exchange()
        self.assertEqual(server.begin(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"), "user")
        nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
        self.assertEqual(
            server.challenge(keys(), NONCE),
            b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        )
        proof = b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        self.assertEqual(
            server.verify(b"c=biws,r=" + nonce + proof),
            b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        )

    def converse(self, client: ScramClient, server: ScramExchange) -> None:
        server.begin(client.first())
        answer = server.verify(client.final(server.challenge(keys(), NONCE)))
        self.assertEqual(answer, client.server)

    def test_a_wrong_password(self) -> None:
        with self.assertRaises(AuthenticationFailed):
            self.converse(ScramClient("user", "pen"), exchange())

    def test_channel_binding(self) -> None:
        """RFC 5802 §6: whoever is in between has other data."""
        offered = ("tls-exporter", "tls-server-end-point")
        client = ScramClient("user", "pencil", header="p=tls-exporter,,")
        client.bound = BOUND
        self.converse(client, exchange(plus=True, offered=offered))
        client.bound = b"what another end knows"
        with self.assertRaises(AuthenticationFailed):
            self.converse(client, exchange(plus=True, offered=offered))

    def test_mechanism_and_header_have_to_agree(self) -> None:
        for header, plus, offered, error in (
            ("p=tls-exporter,,", False, ("tls-exporter",), BadSyntax),
            ("n,,", True, ("tls-exporter",), BadSyntax),
            ("p=tls-unique,,", True, ("tls-exporter",), BadSyntax),
            ("y,,", False, ("tls-exporter",), AuthenticationFailed),
        ):
            server = exchange(plus=plus, offered=offered)
            self.assertRaises(error, server.begin, f"{header}n=user,r=abc".encode())
        self.converse(ScramClient("user", "pencil", header="y,,"), exchange())
        self.converse(
            ScramClient("user", "pencil", header="n,,"), exchange(offered=("tls-exporter",))
        )

    def test_nobody_acts_as_somebody_else(self) -> None:
        """G53"""
        self.converse(ScramClient("user", "pencil", header="n,a=USER,"), exchange())
        self.assertRaises(AuthenticationFailed, exchange().begin, b"n,a=other,n=user,r=abc")

    def test_what_is_changed_on_the_way(self) -> None:
        """The nonce and the header are under the proof."""
        for old, new in ((b"r=rOpr", b"r=xOpr"), (b"c=biws", b"c=eSws"), (b"k0,p=", b"k1,p=")):
            client, server = ScramClient("user", "pencil"), exchange()
            server.begin(client.first())
            final = client.final(server.challenge(keys(), NONCE))
            self.assertIn(old, final)
            self.assertRaises(AuthenticationFailed, server.verify, final.replace(old, new))

    def test_names(self) -> None:
        """RFC 5802 §5.1"""
        for written, name in ((b"a=2Cb=3Dc", "a,b=c"), ("\u00aa".encode(), "a"), (b"A@b", "A@b")):
            self.assertEqual(exchange().begin(b"n,,n=" + written + b",r=abc"), name)

    def test_what_is_no_message(self) -> None:
        for message in (
            b"",
            b"n,,n=,r=abc",
            b"n,,n=user",
            b"n,,n=user,r=",
            b"n,,r=abc,n=user",
            b"n,,m=ext,n=user,r=abc",
            b"x,,n=user,r=abc",
            b"n,,n=a=b,r=abc",
            b"n,,n=\xff,r=abc",
            b"n,,n=\x07,r=abc",
            b"n,,n=user,r=" + b"x" * 600,
        ):
            self.assertRaises(BadSyntax, exchange().begin, message)
        for message in (b"", b"c=biws", b"c=biws,r=abc", b"c=%,r=abc,p=AAAA", b"c=biws,r=abc,p=A"):
            server = exchange()
            server.begin(b"n,,n=user,r=abc")
            server.challenge(keys(), NONCE)
            self.assertRaises(BadSyntax, server.verify, message)
        self.assertRaises(BadSyntax, exchange().verify, b"c=biws,r=abc,p=AAAA")

    def test_what_is_stored(self) -> None:
        self.assertEqual(keys().iterations, 4096)
        for text in ("", "$2b$12$abc", "SCRAM-SHA-256$x:a$b:c", "SCRAM-SHA-256$1:A$AAAA:AAAA"):
            self.assertIsNone(ScramKeys.parse(text))
