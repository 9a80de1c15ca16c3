"""Each example script of the RFCs compiles; what is printed wrongly is told, and where."""

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.dialect import SIEVE
from trial_tests.sieve.filters import errors_of
from trial_tests.sieve.rfc_examples import RFCS, examples

EXTENSIONS: Final = [
    "body",
    "comparator-i;ascii-numeric",
    "convert",
    "copy",
    "date",
    "duplicate",
    "editheader",
    "enclose",
    "encoded-character",
    "enotify",
    "envelope",
    "envelope-deliverby",
    "envelope-dsn",
    "environment",
    "ereject",
    "extlists",
    "extracttext",
    "fcc",
    "fileinto",
    "foreverypart",
    "ihave",
    "imap4flags",
    "imapsieve",
    "include",
    "index",
    "mailbox",
    "mailboxid",
    "mboxmetadata",
    "mime",
    "redirect-deliverby",
    "redirect-dsn",
    "reject",
    "relational",
    "replace",
    "servermetadata",
    "spamtest",
    "spamtestplus",
    "special-use",
    "subaddress",
    "vacation",
    "vacation-seconds",
    "variables",
    "virustest",
]
"""What the examples need."""


class ExampleTests(SynchronousTestCase):
    def test_all_compile(self) -> None:
        """What is meant: with what is missing around a fragment, and misprints mended."""
        for rfc in RFCS:
            for example in examples(rfc):
                if not example.refused:
                    found = errors_of(example.meant)
                    self.assertEqual(found, [], f"RFC {rfc} §{example.section}:\n{example.meant}")

    def test_those_that_are_no_scripts(self) -> None:
        """As they are printed: fragments lack something, misprints are errors."""
        for rfc in RFCS:
            for example in examples(rfc):
                if not (example.refused or example.misprints or example.fragment):
                    continue
                if example.fragment:
                    self.assertNotEqual(errors_of(example.script), [], example.section)
                    continue
                found = errors_of(f"{example.before}{example.script}{example.after}\n")
                self.assertNotEqual(found, [], f"RFC {rfc} §{example.section}")

    def test_none_is_missing(self) -> None:
        self.assertEqual(set(EXTENSIONS) - set(SIEVE.names), set())

    def test_there_are_many(self) -> None:
        """160 scripts of 28 RFCs, 42 of them fragments."""
        every = [example for rfc in RFCS for example in examples(rfc)]
        fragments = [example for example in every if example.fragment]
        self.assertEqual((len(every), len(fragments)), (160, 42))
