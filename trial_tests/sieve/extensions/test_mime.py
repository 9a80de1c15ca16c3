"""mime: RFC 5703 §4."""

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.sieve.filters import World, errors_of, holds, ran

OCTETS = (
    b"From: a@example.com\r\n"
    b"Subject: top\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n"
    b"\r\n"
    b"--b\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-From: tim@example.com\r\n"
    b"\r\n"
    b"text\r\n"
    b"--b\r\n"
    b'Content-Type: application/pdf; name="r.pdf"\r\n'
    b"Content-Disposition: attachment;\r\n"
    b" filename*0=important; filename*1=.pdf\r\n"
    b"Content-MD5: Q2hlY2s=\r\n"
    b"\r\n"
    b"%PDF\r\n"
    b"--b\r\n"
    b"Content-Type: message/rfc822\r\n"
    b"\r\n"
    b"Subject: inner\r\n"
    b"Content-Type: image/png; name*=utf-8''f%C3%BCr.png\r\n"
    b"\r\n"
    b"PNG\r\n"
    b"--b--\r\n"
)
REQUIRES = "mime foreverypart relational comparator-i;ascii-numeric index variables"


class HeaderTests(SynchronousTestCase):
    def test_outside_of_a_loop(self) -> None:
        """§4.1: the message's header; with `:anychild` that of any part."""
        for test, expected in (
            ('header :mime "content-type" "multipart/mixed; boundary=b"', True),
            ('header :mime :type "Content-Type" "multipart"', True),
            ('header :mime :subtype "Content-Type" "mixed"', True),
            ('header :mime :contenttype "content-type" "multipart/mixed"', True),
            ('header :mime :param "boundary" "Content-Type" "b"', True),
            ('header :mime :param ["x", "BOUNDARY"] "Content-Type" "b"', True),
            ('header :mime :type "Content-Type" "text"', False),
            ('header :mime :anychild :type "Content-Type" "text"', True),
            ('header :mime :anychild :contenttype "Content-Type" "image/png"', True),
            ('header :mime :anychild "subject" "inner"', True),
            ('header "subject" "inner"', False),
            ('header :mime :anychild :subtype "Content-Type" "pdf"', True),
            ('header :mime :anychild :type "Content-Disposition" "attachment"', True),
            ('header :mime :anychild :contenttype "Content-Disposition" "attachment"', True),
            ('header :mime :anychild :subtype "Content-Disposition" ""', True),
            ('header :mime :type "subject" ""', True),
            ('header :mime :type "subject" "top"', False),
            # RFC 2231: continued and encoded values.
            (
                'header :mime :anychild :param "filename" "Content-Disposition" "important.pdf"',
                True,
            ),
            ('header :mime :anychild :param "name" :contains "Content-Type" "für"', True),
            ('header :mime :anychild :param "name" :matches "Content-Type" "*.exe"', False),
            ('header :mime :anychild :index 1 :type "Content-Type" "image"', True),
            ('header :mime :anychild :index 2 :type "Content-Type" "image"', False),
        ):
            self.assertIs(holds(test, OCTETS, REQUIRES), expected, test)

    def test_counts(self) -> None:
        """§4.1: fields that could be read; parameters that were found."""
        for test, octets, expected in (
            (':anychild :type "Content-Type"', OCTETS, 5),
            (':anychild :param "name" "Content-Type"', OCTETS, 2),
            (':anychild :param ["name", "charset"] "Content-Type"', OCTETS, 3),
            (':type "Content-Type"', b"Content-Type: nothing\r\n\r\n", 0),
            (':type "Subject"', OCTETS, 0),
        ):
            count = f':count "eq" :comparator "i;ascii-numeric" {test} "{expected}"'
            self.assertTrue(holds(f"header :mime {count}", octets, REQUIRES), test)

    def test_the_body_is_read_only_for_parts(self) -> None:
        for test, asked in (
            ('header :mime :type "Content-Type" "x"', 0),
            ('header :mime :anychild :type "Content-Type" "x"', 1),
        ):
            world = World()
            ran(f'require "mime"; if {test} {{}}', OCTETS, world)
            self.assertEqual(len(world.asked), asked)


class OtherTests(SynchronousTestCase):
    def test_address(self) -> None:
        """§4.2: any field, read as addresses."""
        for test, expected in (
            ('address :mime "from" "a@example.com"', True),
            ('address :mime "content-from" "tim@example.com"', False),
            ('address :mime :anychild "content-from" "tim@example.com"', True),
            ('address :mime :anychild :localpart "content-from" "tim"', True),
        ):
            self.assertIs(holds(test, OCTETS, REQUIRES), expected, test)

    def test_exists(self) -> None:
        """§4.3"""
        for test, expected in (
            ('exists :mime "content-md5"', False),
            ('exists :mime :anychild "content-md5"', True),
            ('exists :mime :anychild ["content-md5", "content-from"]', True),
            ('exists :mime :anychild ["content-md5", "x-none"]', False),
        ):
            self.assertIs(holds(test, OCTETS, REQUIRES), expected, test)

    def test_wrong_usage(self) -> None:
        for test, expected in (
            ('header :anychild "x" "y"', "':anychild' needs ':mime'"),
            ('header :type "x" "y"', "':type' needs ':mime'"),
            ('header :param "n" "x" "y"', "':param' needs ':mime'"),
            ('header :mime :type :subtype "x" "y"', "':type' and ':subtype' exclude each other"),
            ('exists :mime :type "x"', "'exists' has no ':type'"),
            ('address :anychild "from" "y"', "':anychild' needs ':mime'"),
            ('address "content-from" "y"', "is not a header field with addresses"),
        ):
            found = errors_of(f'require "mime"; if {test} {{}}')
            self.assertEqual(len(found), 1, test)
            self.assertIn(expected, found[0])
