"""mailto: URIs of notifications: RFC 6068, and what RFC 5436 §2.7 takes out of them."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.mailto import MAX_LENGTH, MAX_RECIPIENTS, BadMailto, Mailto, parse

GOOD = {
    "mailto:": Mailto(),
    "mailto:alm@example.com": Mailto(("alm@example.com",)),
    "MAILTO:alm@example.com": Mailto(("alm@example.com",)),
    "mailto:0123456789@sms.example.net?to=backup@example.com": Mailto(
        ("0123456789@sms.example.net", "backup@example.com")
    ),
    "mailto:a@example.com,b@example.com?cc=c@example.com,a@example.com": Mailto(
        ("a@example.com", "b@example.com"), ("c@example.com",)
    ),
    "mailto:?to=a@example.com&subject=Hi%20there%21": Mailto(
        ("a@example.com",), subject="Hi there!"
    ),
    "mailto:gorby%25kremvax@example.com": Mailto(("gorby%kremvax@example.com",)),
    "mailto:%22not%40me%22@example.org": Mailto(('"not@me"@example.org',)),
    "mailto:a@example.com?to=Ann%20%3Cann@example.com%3E": Mailto(
        ("a@example.com", "ann@example.com")
    ),
    "mailto:a@example.com?body=send%20current-issue%0D%0Asend%20index": Mailto(
        ("a@example.com",), body="send current-issue\r\nsend index"
    ),
    "mailto:a@example.com?subject=caf%C3%A9": Mailto(("a@example.com",), subject="café"),
    "mailto:a@example.com?In-Reply-To=%3Cx@y%3E": Mailto(
        ("a@example.com",), headers=(("In-Reply-To", "<x@y>"),)
    ),
    # RFC 5436 §2.7: nobody says these but the server.
    "mailto:a@example.com?from=b@example.com&Auto-Submitted=no&Received=x&Date=x&Message-ID=x": Mailto(
        ("a@example.com",)
    ),
    # No header comes out of another one.
    "mailto:a@example.com?subject=x%0D%0ABcc:%20b@example.com": Mailto(
        ("a@example.com",), subject="x Bcc: b@example.com"
    ),
    "mailto:a@example.com?X-Y=1%0A%0AX": Mailto(("a@example.com",), headers=(("X-Y", "1 X"),)),
}
BAD = {
    "": "valid mailto",
    "tel:+14085551212": "valid mailto",
    "xmpp:tim@example.com": "valid mailto",
    "mailto:a b@example.com": "valid mailto",
    "mailto:a@example.com?subject=%zz": "valid mailto",
    "mailto:a@example.com?subject=%ff": "UTF-8",
    "mailto:nobody": "not an address",
    "mailto:a@b@c,": "not an address",
    "mailto:a@example.com?cc=b": "not an address",
    "mailto:a@example.com?subject": "header",
    "mailto:a@example.com?=x": "header",
    "mailto:a@example.com?X%0AY=x": "header",
    "mailto:a%0D%0ABcc:b@example.com": "not an address",
    "mailto:" + "a" * MAX_LENGTH: "too long",
    "mailto:" + ",".join(f"a{n}@example.com" for n in range(MAX_RECIPIENTS + 1)): "recipients",
    "mailto:?" + "&".join(f"X-{n}=1" for n in range(30)): "header fields",
}


class MailtoTests(SynchronousTestCase):
    def test_what_is_read(self) -> None:
        for uri, expected in GOOD.items():
            self.assertEqual(parse(uri), expected, uri)

    def test_what_is_refused(self) -> None:
        for uri, word in BAD.items():
            error = self.assertRaises(BadMailto, parse, uri)
            self.assertIn(word, str(error), uri)
