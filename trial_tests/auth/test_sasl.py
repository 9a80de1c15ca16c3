from twisted.trial.unittest import SynchronousTestCase

from sora.auth.sasl import MAX_RESPONSE_OCTETS, Claim, Negotiation, decode_response
from sora.errors import AuthenticationFailed, BadArgument, BadSyntax


class PlainTests(SynchronousTestCase):
    def test_with_and_without_an_initial_response(self) -> None:
        """RFC 4616 §4"""
        first = Negotiation("plain", b"\0tim\0tanstaaftanstaaf")
        self.assertEqual((first.challenge, first.claim), (None, Claim("tim", "tanstaaftanstaaf")))
        second = Negotiation("PLAIN")
        self.assertEqual((second.challenge, second.claim), (b"", None))
        second.respond("Jürgen\0jürgen\0ä".encode())
        self.assertEqual(second.claim, Claim("jürgen", "ä"))

    def test_to_act_as_somebody_else_is_refused(self) -> None:
        """G53"""
        for authzid in (b"kurt", b"xipj3plmq@y"):
            with self.assertRaises(AuthenticationFailed):
                Negotiation("PLAIN", authzid + b"\0xipj3plmq\0secret")

    def test_what_is_no_response(self) -> None:
        for response in (
            b"",
            b"tim",
            b"\0tim",
            b"\0tim\0",
            b"\0\0secret",
            b"a\0b\0c\0d",
            b"\0\xff\0a",
            b"\0tim\0" + b"x" * MAX_RESPONSE_OCTETS,
        ):
            with self.assertRaises(BadSyntax, msg=repr(response)):
                Negotiation("PLAIN", response)

    def test_a_claim_does_not_show_its_password(self) -> None:
        """G69"""
        self.assertNotIn("secret", repr(Claim("tim", "secret")))


class LoginTests(SynchronousTestCase):
    def test_two_questions(self) -> None:
        login = Negotiation("LOGIN")
        self.assertEqual(login.challenge, b"Username:")
        login.respond(b"tim")
        self.assertEqual(login.challenge, b"Password:")
        login.respond(b"secret")
        self.assertEqual((login.challenge, login.claim), (None, Claim("tim", "secret")))

    def test_the_initial_response_is_the_user(self) -> None:
        login = Negotiation("LOGIN", b"tim")
        self.assertEqual(login.challenge, b"Password:")

    def test_nobody_and_nothing(self) -> None:
        login = Negotiation("LOGIN", b"")
        self.assertRaises(BadSyntax, login.respond, b"secret")


class NegotiationTests(SynchronousTestCase):
    def test_an_unknown_mechanism(self) -> None:
        self.assertRaises(BadArgument, Negotiation, "GSSAPI")

    def test_responses_are_base64(self) -> None:
        self.assertEqual(decode_response(b"AHRpbQ=="), b"\0tim")
        self.assertEqual(decode_response(b"="), b"")
        for line in (b"*", b"AHRpbQ", b"a b=", b"\xff"):
            self.assertRaises(BadSyntax, decode_response, line)
