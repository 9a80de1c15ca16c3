"""CAPABILITY, NOOP, LOGOUT, STARTTLS, UNAUTHENTICATE."""

from sora.sieve.dialect import SIEVE
from trial_tests.protocols.managesieve.world import ManageSieveTestCase, Server, plain
from trial_tests.support.transcript import Client


def facts(said: str) -> dict[str, str | None]:
    """Capabilities by name."""
    *lines, ok = said.removesuffix("\r\n").split("\r\n")
    assert ok.startswith("OK"), said
    found: dict[str, str | None] = {}
    for line in lines:
        name, _, value = line.partition(" ")
        assert name not in found, said
        found[name.strip('"')] = value.strip('"') if value else None
    return found


class CapabilityTests(ManageSieveTestCase):
    logs_in = False

    def test_the_greeting(self) -> None:
        """RFC 5804 §1.7: what has to be there, and no OWNER."""
        self.assertEqual(
            facts(self.greeting),
            {
                "IMPLEMENTATION": "Sora",
                "VERSION": "1.0",
                "SASL": "PLAIN LOGIN SCRAM-SHA-256",
                "SIEVE": SIEVE.capabilities,
                "MAXREDIRECTS": "5",
                "LANGUAGE": "en",
                "UNAUTHENTICATE": None,
                "NOTIFY": "mailto",
                "EXTLISTS": "urn",
            },
        )
        self.assertIn("fileinto", SIEVE.capabilities.split())
        self.assertEqual(facts(self.client.ask(b"CAPABILITY").decode()), facts(self.greeting))

    def test_the_owner_is_told_after_the_login(self) -> None:
        self.client.ask(f'AUTHENTICATE "PLAIN" "{plain("FRED@example.com")}"'.encode())
        told = facts(self.client.ask(b"capability").decode())
        self.assertEqual(told.pop("OWNER"), "fred@example.com")
        self.assertEqual(told, facts(self.greeting))

    def test_without_tls_there_is_no_mechanism(self) -> None:
        """RFC 5804 §1.7: the list is empty only where STARTTLS is told of."""
        client = Client(Server(insecure_auth=False, tls=object()))
        told = facts(client.take().decode())
        self.assertEqual((told["SASL"], told["STARTTLS"]), ("", None))
        self.converse(
            f"""
            C: AUTHENTICATE "PLAIN" "{plain("fred")}"
            S: NO (ENCRYPT-NEEDED) "Authentication is not possible on this connection; use TLS."
            """,
            client,
        )


class NoopTests(ManageSieveTestCase):
    logs_in = False

    def test_the_examples(self) -> None:
        """RFC 5804 §2.13"""
        self.converse("""
            C: NOOP
            S: OK "NOOP completed"
            C: NOOP "STARTTLS-SYNC-42"
            S: OK (TAG "STARTTLS-SYNC-42") "Done"
            C: NOOP {7+}
            C: a
            C: b"\\c
            S: OK (TAG {7}
            S: a
            S: b"\\c) "Done"
            C: NOOP ""
            S: OK (TAG "") "Done"
            C: NOOP x
            S: NO "A string is missing at octet 6 of the command"
        """)


class LogoutTests(ManageSieveTestCase):
    def test_the_example(self) -> None:
        """RFC 5804 §2.3: what comes behind it is ignored."""
        self.client.send(b"Logout\r\nNOOP\r\n")
        self.assertEqual(self.client.take(), b'OK "Goodbye"\r\n')
        self.assertTrue(self.client.is_hung_up_on)

    def test_before_the_login(self) -> None:
        client = self.new_client(logs_in=False)
        self.assertEqual(client.ask(b"LOGOUT"), b'OK "Goodbye"\r\n')
        self.assertTrue(client.is_hung_up_on)


class StartTLSTests(ManageSieveTestCase):
    def test_where_it_is_not_possible(self) -> None:
        self.converse("""
            C: STARTTLS
            S: NO "STARTTLS is not allowed after the login"
        """)
        self.converse(
            """
            C: STARTTLS
            S: NO "TLS is not possible here, or there already"
            """,
            self.new_client(logs_in=False),
        )


class UnauthenticateTests(ManageSieveTestCase):
    def test_back_to_before_the_login(self) -> None:
        """RFC 5804 §2.14.1"""
        self.put("a")
        self.converse(f"""
            C: UNAUTHENTICATE
            S: OK
            C: LISTSCRIPTS
            S: NO "LISTSCRIPTS is not allowed before the login"
            C: UNAUTHENTICATE
            S: NO "UNAUTHENTICATE is not allowed before the login"
            C: AUTHENTICATE "PLAIN" "{plain("fred")}"
            S: OK "Logged in"
            C: LISTSCRIPTS
            S: "a"
            S: OK
        """)

    def test_limits_are_those_of_before_the_login(self) -> None:
        self.client.ask(b"UNAUTHENTICATE")
        self.client.send(b"NOOP {70000+}\r\n")
        self.assertEqual(
            self.client.take(),
            b'NO "A string that is no script has at most 8192 octets"\r\n'
            b'BYE "Too much was sent that cannot be taken"\r\n',
        )
        self.assertTrue(self.client.is_hung_up_on)
