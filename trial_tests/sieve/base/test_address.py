"""`address` (RFC 5228 §5.1)."""

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.sieve.filters import holds

MESSAGE = (
    b'From: "tim@phrase.example" (tim@comment.example) <Tim@Example.COM>\r\n'
    b"To: Group: a@example.com, <@route.example:b@example.org>;, nodomain, <>\r\n"
    b'Cc: "quoted local"@example.net,\r\n\t=?utf-8?Q?J=C3=B6rg?= <joerg+list@example.net>\r\n'
    b"Bcc:\r\n"
    b"Subject: x@example.com\r\n"
    b"\r\n"
)


class Address(SynchronousTestCase):
    def test_table(self) -> None:
        for test, expected in (
            ('address :is :all "from" "tim@example.com"', True),
            ('address "From" "TIM@EXAMPLE.COM"', True),
            ('address :comparator "i;octet" "from" "tim@example.com"', False),
            # Neither phrases nor comments nor names of groups.
            ('address :contains "from" "phrase"', False),
            ('address :contains "from" "comment"', False),
            ('address :contains "to" "group"', False),
            # Members of groups, without routes.
            ('address "to" "a@example.com"', True),
            ('address "to" "b@example.org"', True),
            ('address :contains "to" "route"', False),
            ('address :localpart "to" "b"', True),
            ('address :domain "to" ["x", "example.org"]', True),
            # What is no valid address has no parts (RFC 5228 §2.7.4).
            ('address "to" "nodomain"', True),
            ('address :localpart "to" "nodomain"', False),
            ('address :domain :contains "to" ""', True),
            ('address :localpart "cc" "quoted local"', True),
            ('address :contains ["from", "cc"] "joerg"', True),
            ('address :contains "bcc" ""', False),
            ('address :contains "resent-to" ""', False),
            ('address :matches "cc" "*@example.???"', True),
        ):
            self.assertEqual(holds(test, MESSAGE), expected, test)

    def test_only_fields_with_addresses(self) -> None:
        """RFC 5228 §5.1; a name that is known only at run time matches nothing."""
        test = 'address :contains "${name}" "example"'
        self.assertFalse(
            holds(
                f'allof (string :matches "subject" "*", {test.replace("name", "0")})',
                MESSAGE,
                "variables",
            )
        )
        self.assertTrue(
            holds(
                f'allof (string :matches "from" "*", {test.replace("name", "0")})',
                MESSAGE,
                "variables",
            )
        )
