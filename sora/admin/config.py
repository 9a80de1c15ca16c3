"""`sora-admin config …`: what is wrong with a configuration, and what it comes to."""

from argparse import ArgumentParser, Namespace

from sora.admin.command import Command, CommandFailed, Report, Store


class Check(Command):
    """Say what is wrong with it."""

    words = ("config", "check")
    summary = "say what is wrong with a configuration: file, line, key and mend"
    examples = ("config check", "config check --config new.toml", "config check --json")
    needs_database = False

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        found = store.configuration.check()
        lines = [f"warning: {warning}" for warning in found.warnings]
        if not found.problems:
            lines.append("The configuration is right")
        report.text(
            "\n".join(lines) or "",
            right=not found.problems,
            problems=[
                {"where": one.where, "key": one.key, "text": one.text} for one in found.problems
            ],
            warnings=list(found.warnings),
        )
        if found.problems:
            raise CommandFailed("\n".join(map(str, found.problems)))


class Show(Command):
    """Show what it comes to."""

    words = ("config", "show")
    summary = "show every key with the value that counts, secrets masked"
    examples = ("config show", "config show --changed", "config show --json")
    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--changed",
            action="store_true",
            help="only what is not as by default, and where it was set",
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        text = store.configuration.text(given.changed, origins=given.changed)
        if given.changed and not text.strip():
            text = "# everything is as by default"
        report.text(text, **store.configuration.tables(given.changed))
