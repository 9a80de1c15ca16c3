"""The list of all commands."""

import pkgutil
from importlib import import_module

from twisted.trial.unittest import SynchronousTestCase

import sora.admin
from sora.admin.command import Command
from sora.admin.commands import GROUPS, all_commands, all_words, command_of


class CommandsTests(SynchronousTestCase):
    """It is complete, and true."""

    def test_each_command_is_where_the_list_says(self) -> None:
        """A class that has these words."""
        for words in all_words():
            self.assertTrue(issubclass(command_of(words), Command))
            self.assertEqual(command_of(words).words, words)

    def test_every_class_with_words_is_in_the_list(self) -> None:
        """Nothing that was written is forgotten."""
        written = set()
        for module in pkgutil.iter_modules(sora.admin.__path__, "sora.admin."):
            for one in vars(import_module(module.name)).values():
                if isinstance(one, type) and issubclass(one, Command) and hasattr(one, "words"):
                    written.add(one)
        self.assertEqual(written, set(all_commands()))

    def test_every_group_is_explained(self) -> None:
        """And has commands."""
        groups = {words[:end] for words in all_words() for end in range(1, len(words))}
        self.assertEqual(groups, {tuple(group.split()) for group in GROUPS})
