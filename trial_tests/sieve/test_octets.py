"""Octets that are no UTF-8, in every string of a script: found by the fuzzer in one, tested in all."""

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.compile import compile_script
from sora.sieve.dialect import SIEVE
from sora.sieve.errors import ScriptErrors
from trial_tests.sieve.extensions.test_mime import OCTETS
from trial_tests.sieve.filters import ran

BAD: Final = b'"a\x91b"'
NAMES: Final = b'", "'.join(name.encode() for name in SIEVE.names if name != "ihave")
COMMANDS: Final = (
    "fileinto ?",
    "redirect ?",
    "vacation ?",
    'vacation :subject ? :handle ? "x"',
    'vacation :from ? "x"',
    'vacation :addresses ? "x"',
    "vacation :mime ?",
    'vacation :fcc ? "x"',
    "reject ?",
    "ereject ?",
    "notify ?",
    'notify :message ? :options ["a=b"] "mailto:a@example.com"',
    'addheader "X" ?',
    'addheader ? "x"',
    "deleteheader ?",
    'deleteheader :matches "subject" ?',
    'deleteheader :regex "subject" ?',
    'set "v" ?; fileinto "${v}"',
    'set :encodeurl "v" ?',
    'set :quoteregex :upper "v" ?',
    'set :quotewildcard :length "v" ?',
    "replace ?",
    'replace :subject ? :from "a@example.com" ?',
    "replace :mime ?",
    "enclose :subject ? :headers ? ?",
    "keep :flags ?",
    'addflag "v" ?',
    "foreverypart { replace ?; } keep",
    "include :optional ?",
    "redirect :list ?",
    'fileinto :specialuse ? "x"',
    'fileinto :mailboxid ? "x"',
    'redirect :notify ? "a@example.com"',
    'redirect :bytimeabsolute ? "a@example.com"',
)
TESTS: Final = (
    "header :MATCH ? ?",
    "string :MATCH ? ?",
    'address :MATCH "from" ?',
    "body :MATCH ?",
    "body :raw :MATCH ?",
    'body :content ? :MATCH ""',
    'date :MATCH ? "year" ?',
    'currentdate :MATCH "year" ?',
    'currentdate :zone ? "year" "x"',
    'envelope :MATCH "from" ?',
    "environment :MATCH ? ?",
    "hasflag :MATCH ?",
    "metadata :MATCH ? ? ?",
    "servermetadata :MATCH ? ?",
    "spamtest :MATCH ?",
    "notify_method_capability :MATCH ? ? ?",
    "mailboxexists ?",
    "mailboxidexists ?",
    "specialuse_exists ?",
    "valid_notify_method ?",
    "valid_ext_list ?",
    "duplicate :handle ?",
    "duplicate :uniqueid ?",
    "duplicate :header ?",
    "exists ?",
    "exists :mime :anychild ?",
    'header :mime :param ? :MATCH "content-type" ?',
)
MATCHES: Final = (
    "is",
    "contains",
    "matches",
    "regex",
    'value "lt"',
    'count "lt"',
    "list",
    'comparator "i;unicode-casemap"',
    'comparator "i;ascii-numeric"',
)


class OctetTests(SynchronousTestCase):
    def runs(self, script: str) -> int:
        """How many of two ways to say it are valid scripts: with the octets, and with a variable
        that has them. Each is run, with a trace and without."""
        valid = 0
        for start, value in ((b"", BAD), (b'set "x" %s; ' % BAD, b'"${x}"')):
            text = b'require ["%s"];\r\n%s%s' % (NAMES, start, script.encode().replace(b"?", value))
            try:
                compiled = compile_script(text)
            except ScriptErrors as errors:
                self.assertTrue(all(error.text for error in errors.errors))
                continue
            valid += 1
            for trace in (False, True):
                outcome = ran(compiled, OCTETS, trace=trace)
                self.assertTrue(outcome.keep is not None or outcome.actions)
        return valid

    def test_commands(self) -> None:
        self.assertGreater(sum(self.runs(f"{command};") for command in COMMANDS), 50)

    def test_tests(self) -> None:
        ways = [test.replace("MATCH", match) for test in TESTS for match in MATCHES]
        self.assertGreater(sum(self.runs(f"if {test} {{ discard; }}") for test in ways), 400)
