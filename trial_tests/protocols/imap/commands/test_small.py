"""CAPABILITY, ENABLE, ID, LOGOUT, NAMESPACE and STARTTLS."""

from trial_tests.support.transcript import TranscriptTestCase


class SmallTests(TranscriptTestCase):
    def test_capability_after_the_login(self) -> None:
        self.converse("""
            C: a CAPABILITY
            S: * CAPABILITY IMAP4rev1 LITERAL+ ...ENABLE ...ID IDLE ...MOVE ...NAMESPACE ...UNSELECT ...CHILDREN ...UIDPLUS...
            S: a OK CAPABILITY completed
        """)

    def test_namespace(self) -> None:
        """RFC 2342 §5."""
        self.converse("""
            C: a NAMESPACE
            S: * NAMESPACE (("" "/")) NIL NIL
            S: a OK NAMESPACE completed
        """)

    def test_id_of_the_greatest_length(self) -> None:
        """RFC 2971 §3.3: 30 fields, names of 30 octets and values of 1,024; before the login."""
        fields = b" ".join(b'"%030d" "%b"' % (n, b"x" * 1024) for n in range(30))
        client = self.new_client(logs_in=False)
        said = client.ask(b"a ID (" + fields + b")")
        self.assertEqual(said, b'* ID ("name" "Sora")\r\na OK ID completed\r\n')

    def test_id(self) -> None:
        """RFC 2971 §3."""
        self.converse("""
            C: a ID NIL
            S: * ID ("name" "Sora")
            S: a OK ID completed
            C: b ID ("name" "sodr" "version" "19.34" "vendor" NIL)
            S: * ID ("name" "Sora")
            S: b OK ID completed
            C: c ID ()
            S: * ID ("name" "Sora")
            S: c OK ID completed
            C: d ID ("name")
            S: d BAD ...
        """)

    def test_enable(self) -> None:
        """RFC 5161 §3.1: what cannot be enabled is passed over."""
        self.converse("""
            C: a ENABLE X-GOOD-IDEA condstore
            S: * ENABLED CONDSTORE
            S: a OK ENABLE completed
            C: b ENABLE CONDSTORE MOVE
            S: * ENABLED
            S: b OK ENABLE completed
            C: c ENABLE
            S: c BAD ...
        """)

    def test_logout(self) -> None:
        """RFC 3501 §6.1.3: BYE comes first; what is pipelined behind it is not read."""
        self.converse("""
            C: a LOGOUT
            C: b NOOP
            S: * BYE Until next time
            S: a OK LOGOUT completed
        """)
        self.assertTrue(self.client.is_hung_up_on)

    def test_starttls_after_the_login(self) -> None:
        self.converse("""
            C: a STARTTLS
            S: a BAD [CLIENTBUG] STARTTLS is not allowed after the login
        """)
