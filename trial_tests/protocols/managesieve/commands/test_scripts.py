"""What users do with their scripts, with the examples of RFC 5804."""

from sora.addresses import parse_address
from sora.storage.rows import ScriptLimits
from trial_tests.protocols.managesieve.world import ManageSieveTestCase


class PutScriptTests(ManageSieveTestCase):
    def test_the_examples(self) -> None:
        """RFC 5804 §2.6"""
        self.converse("""
            C: Putscript "foo" {31+}
            C: #comment
            C: InvalidSieveCommand
            C:
            S: NO {...}
            S: line 2, column 1: ...invalidsievecommand...
            S: line 2, column 20: ...
            C: Putscript "mysievescript" {97+}
            C: require ["fileinto"];
            C:
            C: if header :contains "to" "tmartin+sent" {
            C:   fileinto "INBOX.sent";
            C: }
            C:
            S: OK
            C: listscripts
            S: "mysievescript"
            S: OK
        """)

    def test_several_errors_are_several_lines(self) -> None:
        """RFC 5804 §2.6: a multiline literal with more than one error."""
        source = b"foo;\r\n\r\nif bar { stop; }"
        said = self.client.ask(b'PUTSCRIPT "a" {%d+}\r\n%s' % (len(source), source))
        condition, _, rest = said.partition(b" {")
        self.assertEqual(condition, b"NO")
        size, _, text = rest.partition(b"}\r\n")
        self.assertEqual(text[int(size) :], b"\r\n")
        lines = text[: int(size)].decode().split("\r\n")
        self.assertGreater(len(lines), 1)
        self.assertTrue(lines[0].startswith("line 1, column 1: "), lines)
        self.assertTrue(lines[1].startswith("line 3, column "), lines)

    def test_warnings(self) -> None:
        """RFC 5804 §1.3, §2.6: the script is kept all the same."""
        self.converse("""
            C: PUTSCRIPT "a" "stop; keep;"
            S: OK (WARNINGS) "line 1, column 7: ..."
            C: CHECKSCRIPT {32+}
            C: if true { stop; keep; stop; }
            C:
            S: OK (WARNINGS) "line 1, column 17: ..."
            C: CHECKSCRIPT {22+}
            C: stop; keep;
            C: keep;
            C:
            C:
            S: OK (WARNINGS) "line 1, column 7: ..."
            C: LISTSCRIPTS
            S: "a"
            S: OK
        """)

    def test_more_redirects_than_the_limit(self) -> None:
        """RFC 5804 §2.6: the last example, with our limit."""
        lines = [f'redirect "{number}@example.net";\r\n' for number in (1, 2, 3, 4, 5, 1, 6, 7)]
        source = "".join(lines).encode()
        self.assertEqual(
            self.client.ask(b'PUTSCRIPT "myforwards" {%d+}\r\n%s' % (len(source), source)),
            b'OK (WARNINGS) "line 7, column 10: A message is sent on to at most 5 addresses: this '
            b'may be one too many"\r\n',
        )

    def test_a_script_that_fails_replaces_nothing(self) -> None:
        """RFC 5804 §2.6"""
        self.put("a", "stop;\r\n")
        self.converse("""
            C: PUTSCRIPT "a" {5+}
            C: nono;
            S: NO "line 1, column 1: ..."
            C: PUTSCRIPT "a" ""
            S: NO "line 1, column 1: A script cannot be empty"
            C: GETSCRIPT "a"
            S: {7}
            S: stop;
            S:
            S: OK
        """)

    def test_what_is_replaced_stays_active(self) -> None:
        self.put("a")
        self.converse("""
            C: SETACTIVE "a"
            S: OK
            C: PUTSCRIPT "a" {5+}
            C: stop;
            S: OK
            C: LISTSCRIPTS
            S: "a" ACTIVE
            S: OK
        """)

    def test_what_is_put_and_activated_is_counted(self) -> None:
        """And not what is refused."""
        self.put("a")
        self.client.ask(b'PUTSCRIPT "b" {5+}\r\nnono;')
        self.client.ask(b'SETACTIVE "nobody"')
        self.client.ask(b'SETACTIVE "a"')
        self.client.ask(b'SETACTIVE ""')
        for what in ("uploaded", "activated"):
            name = f"sora_managesieve_scripts_{what}_total"
            self.assertEqual(self.server.registry.get_sample_value(name), 1, name)

    def test_names_and_scripts_in_all_forms_of_strings(self) -> None:
        self.converse("""
            C: PUTSCRIPT {3+}
            C: a"b "keep;"
            S: OK
            C: PUTSCRIPT "a\\"b" {5}
            C: stop;
            S: OK
            C: GETSCRIPT "a\\"b"
            S: {5}
            S: stop;
            S: OK
            C: PUTSCRIPT "cafe\u0301" "# \u00e9"
            S: OK
            C: LISTSCRIPTS
            S: "a\\"b"
            S: "caf\u00e9"
            S: OK
        """)

    def test_wrong_commands(self) -> None:
        self.converse("""
            C: PUTSCRIPT
            S: NO "A space and an argument are missing at octet 10 of the command"
            C: PUTSCRIPT "a"
            S: NO "A space and an argument are missing at octet 14 of the command"
            C: PUTSCRIPT a "keep;"
            S: NO "A string is missing at octet 11 of the command"
            C: PUTSCRIPT "a" "keep;" "b"
            S: NO "There is more than the command takes, at octet 22 of the command"
            C: PUTSCRIPT "" "keep;"
            S: NO "The name of a script cannot be empty"
            C: PUTSCRIPT "a" {1+}
            C: a {1+}
            C: b {1+}
            C: c
            S: NO "There are more strings than the command takes"
        """)
        self.assertEqual(
            self.client.ask('PUTSCRIPT "\u2028" "keep;"'.encode()),
            b'NO "The name of a script cannot have control characters"\r\n',
        )
        name = "n" * 129
        self.converse(f"""
            C: PUTSCRIPT "{name}" "keep;"
            S: NO "The name of a script has at most 128 characters"
            C: PUTSCRIPT "{name[:128]}" "keep;"
            S: OK
        """)

    def test_what_is_not_utf_8(self) -> None:
        self.client.send(b'PUTSCRIPT "a" {9+}\r\nkeep;\r\n#\xff\r\n')
        self.assertEqual(self.client.take(), b'NO "line 2, column 2: A script has to be UTF-8"\r\n')
        self.client.send(b'PUTSCRIPT "\xff" "keep;"\r\n')
        self.assertTrue(self.client.take().startswith(b'NO "A string is not UTF-8'))

    def test_limits(self) -> None:
        """RFC 5804 §1.5; nothing is taken of a script that is too large."""
        self.client.send(b'PUTSCRIPT "a" {1001+}\r\n')
        self.assertEqual(
            self.client.take(), b'NO (QUOTA/MAXSIZE) "A script has at most 1000 octets"\r\n'
        )
        self.client.send(b"x" * 1001 + b"\r\nNOOP\r\n")
        self.assertEqual(self.client.take(), b'OK "NOOP completed"\r\n')
        full = "#" + "x" * 998 + "\n"
        self.put("a", full)
        self.put("b", full)
        self.assertEqual(
            self.client.ask(b'PUTSCRIPT "c" {1000+}\r\n' + full.encode()),
            b'NO (QUOTA) "All scripts have at most 2500 octets together."\r\n',
        )
        for name in "cde":
            self.put(name)
        self.assertEqual(
            self.client.ask(b'PUTSCRIPT "f" "keep;"'),
            b'NO (QUOTA/MAXSCRIPTS) "There are at most 5 scripts."\r\n',
        )


class CheckScriptTests(ManageSieveTestCase):
    def test_the_example(self) -> None:
        """RFC 5804 §2.12"""
        self.converse("""
            C: CheckScript {31+}
            C: #comment
            C: InvalidSieveCommand
            C:
            S: NO {...}
            S: line 2, column 1: ...invalidsievecommand...
            S: line 2, column 20: ...
            C: CHECKSCRIPT "keep;"
            S: OK
            C: LISTSCRIPTS
            S: OK
        """)

    def test_quota_does_not_matter(self) -> None:
        """RFC 5804 §2.12: it MUST NOT be looked at."""
        for name in "abcde":
            self.put(name)
        self.converse("""
            C: CHECKSCRIPT "keep;"
            S: OK
            C: CHECKSCRIPT {1001+}
            S: NO "A script has at most 1000 octets"
        """)
        self.client.send(b"x" * 1001 + b"\r\n")
        self.assertEqual(self.client.ask(b"NOOP"), b'OK "NOOP completed"\r\n')


class HaveSpaceTests(ManageSieveTestCase):
    def test_the_examples(self) -> None:
        """RFC 5804 §2.5"""
        self.converse("""
            C: HAVESPACE "myscript" 999999
            S: NO (QUOTA/MAXSIZE) "A script has at most 1000 octets."
            C: HAVESPACE "foobar" 435
            S: OK
        """)

    def test_number_and_total(self) -> None:
        for name in "abcde":
            self.put(name, "#" + "x" * 398 + "\n")
        self.converse("""
            C: HAVESPACE "f" 1
            S: NO (QUOTA/MAXSCRIPTS) "There are at most 5 scripts."
            C: HAVESPACE "e" 900
            S: OK
            C: HAVESPACE "e" 901
            S: NO (QUOTA) "All scripts have at most 2500 octets together."
        """)

    def test_wrong_commands(self) -> None:
        self.converse("""
            C: HAVESPACE "a"
            S: NO "A space and an argument are missing at octet 14 of the command"
            C: HAVESPACE "a" "5"
            S: NO "A number is missing at octet 15 of the command"
            C: HAVESPACE "" 5
            S: NO "The name of a script cannot be empty"
        """)


class ListAndActivateTests(ManageSieveTestCase):
    def test_the_examples(self) -> None:
        """RFC 5804 §2.7, §2.8"""
        for name in ("summer_script", "vacation_script", "main_script"):
            self.put(name)
        self.converse("""
            C: PUTSCRIPT {13+}
            C: clever"script "keep;"
            S: OK
            C: Setactive "main_script"
            S: OK
            C: Listscripts
            S: "clever\\"script"
            S: "main_script" ACTIVE
            S: "summer_script"
            S: "vacation_script"
            S: OK
            C: Setactive "vacation_script"
            S: OK
            C: listscripts
            S: "clever\\"script"
            S: "main_script"
            S: "summer_script"
            S: "vacation_script" ACTIVE
            S: OK
            C: Setactive ""
            S: OK
            C: Setactive ""
            S: OK
            C: Setactive "baz"
            S: NO (NONEXISTENT) "There is no script baz."
            C: Setactive {3+}
            C: baz
            S: NO (NONEXISTENT) "There is no script baz."
        """)

    def test_a_script_that_has_become_invalid_is_not_activated(self) -> None:
        fred = self.successResultOf(
            self.server.storage.accounts.show(parse_address("fred@example.com"))
        )
        self.server.storage.scripts.put(fred.id, "old", "nono;", ScriptLimits(9, 9, 99))
        self.converse("""
            C: SETACTIVE "old"
            S: NO "line 1, column 1: ..."
            C: LISTSCRIPTS
            S: "old"
            S: OK
        """)

    def test_nobody_has_scripts_at_first(self) -> None:
        self.converse("""
            C: LISTSCRIPTS
            S: OK
            C: LISTSCRIPTS ""
            S: NO "There is more than the command takes, at octet 12 of the command"
        """)


class GetDeleteRenameTests(ManageSieveTestCase):
    def test_the_example_of_getscript(self) -> None:
        """RFC 5804 §2.9"""
        self.converse("""
            C: PUTSCRIPT "myscript" {59+}
            C: #this is my wonderful script
            C: redirect "all@example.com";
            C:
            S: OK
            C: Getscript "myscript"
            S: {59}
            S: #this is my wonderful script
            S: redirect "all@example.com";
            S:
            S: OK
            C: Getscript "other"
            S: NO (NONEXISTENT) "There is no script other."
        """)

    def test_the_examples_of_deletescript(self) -> None:
        """RFC 5804 §2.10"""
        self.put("foo")
        self.put("baz")
        self.converse("""
            C: Setactive "baz"
            S: OK
            C: Deletescript "foo"
            S: OK
            C: Deletescript "baz"
            S: NO (ACTIVE) "The script baz is active."
            C: Deletescript "foo"
            S: NO (NONEXISTENT) "There is no script foo."
            C: Listscripts
            S: "baz" ACTIVE
            S: OK
        """)

    def test_the_examples_of_renamescript(self) -> None:
        """RFC 5804 §2.11"""
        self.put("foo")
        self.put("baz")
        self.converse("""
            C: SETACTIVE "foo"
            S: OK
            C: Renamescript "foo" "bar"
            S: OK
            C: Renamescript "baz" "bar"
            S: NO (ALREADYEXISTS) "There is a script bar already."
            C: Renamescript "foo" "quux"
            S: NO (NONEXISTENT) "There is no script foo."
            C: RENAMESCRIPT "bar" ""
            S: NO "The name of a script cannot be empty"
            C: Listscripts
            S: "bar" ACTIVE
            S: "baz"
            S: OK
        """)


class OwnScriptsTests(ManageSieveTestCase):
    def test_nobody_sees_those_of_others(self) -> None:
        self.server.storage.accounts.create(parse_address("ann@example.com"), (), ())
        self.put("mine")
        ann = self.new_client(user="ann")
        self.converse(
            """
            C: LISTSCRIPTS
            S: OK
            C: GETSCRIPT "mine"
            S: NO (NONEXISTENT) ...
            C: DELETESCRIPT "mine"
            S: NO (NONEXISTENT) ...
            """,
            ann,
        )
