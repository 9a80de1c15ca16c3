"""Manual pages, made of the help texts.

`python -m sora.app.manual` writes them below `etc/man`; with `--check` it says whether they are
what it would write.
"""

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sora.admin.main import PROGRAM, shapes
from sora.admin.shape import Argument, Shape
from sora.app.plugin import Options
from sora.documents import write_or_compare

DIRECTORY: Final = Path("etc/man")
DATE: Final = "2026-11-27"
"""what the pages say of themselves: of the last release"""
WIDTH: Final = 79
COMMON: Final = frozenset({"--help", "--config", "--dir", "--set", "--json"})
"""options that every command has: told once"""


def pages() -> dict[str, str]:
    """The texts of all pages, by the names of their files."""
    return {"sora-admin.8": _admin_page(), "sora.8": _server_page()}


def _admin_page() -> str:
    lines = [
        _head("SORA-ADMIN", "administers a Sora mail store"),
        ".SH SYNOPSIS",
        r".B twistd sora\-admin",
        r".I GROUP COMMAND",
        "[options]",
        ".SH DESCRIPTION",
        _text(
            "Works on the database that the configuration names, so it needs no running server; "
            "connections, cache, stats, auth and health ask a running one over its HTTP API. It "
            "runs in the foreground and leaves nothing behind."
        ),
        ".SH COMMANDS",
    ]
    commands = [shape for shape in shapes() if shape.words and not shape.below]
    for shape in commands:
        lines += _command(shape)
    lines.append(".SH OPTIONS OF EVERY COMMAND")
    for one in commands[0].arguments:
        if COMMON.intersection(one.flags) and "--help" not in one.flags:
            lines += _argument(one)
    lines += [
        ".SH EXIT STATUS",
        _text(
            "0 when it was done; 1 when it was not, or when something is wrong, with the reason on "
            "the standard error; 2 for a command line that is not understood."
        ),
        ".SH FILES",
        ".I /etc/sora/config.toml",
        ".SH SEE ALSO",
        r".BR sora (8)",
    ]
    return "\n".join(lines) + "\n"


def _command(shape: Shape) -> Iterator[str]:
    yield f".SS {_line(' '.join(shape.words))}"
    yield _text(shape.summary)
    for one in shape.arguments:
        if not COMMON.intersection(one.flags):
            yield from _argument(one)
    for example in shape.examples:
        yield f".PP\n.EX\n    {_line(f'{PROGRAM} {example}')}\n.EE"


def _argument(one: Argument) -> Iterator[str]:
    names = ", ".join(rf"\fB{_line(flag)}\fR" for flag in one.flags)
    value = "|".join(one.choices) or one.value
    shown = rf"{names} \fI{_line(value)}\fR".strip() if value else names
    yield f".TP\n{shown}\n{_text(one.text) or 'See above.'}"


def _server_page() -> str:
    lines = [
        _head("SORA", "a mail store: IMAP, POP3, LMTP, ManageSieve"),
        ".SH SYNOPSIS",
        r".B twistd sora",
        r"[\fB\-c\fR \fIFILE\fR] [\fB\-\-set\fR \fItable.key=value\fR ...]",
        ".SH DESCRIPTION",
        _text(Options.longdesc),
        ".PP",
        _text("Options of twistd itself stand before the word sora: --nodaemon, --pidfile."),
        ".SH OPTIONS",
    ]
    for long, short, _, text in Options.optParameters:
        flags = rf"\fB\-{short}\fR, " if short else ""
        lines.append(f".TP\n{flags}\\fB{_line('--' + long)}\\fR \\fIVALUE\\fR\n{_text(text)}")
    lines += [
        ".TP\n\\fB\\-\\-set\\fR \\fItable.key=value\\fR",
        _text(" ".join((Options.opt_set.__doc__ or "").split())),
        ".SH SIGNALS",
        ".TP\nSIGTERM\n"
        + _text("No new connections; clients are told goodbye, and work in hand ends."),
        ".TP\nSIGHUP\n" + _text("Certificates, the log and limits of connections are read again."),
        ".TP\nSIGUSR1\n" + _text("The file of the log is opened anew."),
        ".SH FILES",
        ".I /etc/sora/config.toml",
        ".SH SEE ALSO",
        r".BR sora\-admin (8)",
    ]
    return "\n".join(lines) + "\n"


def _head(name: str, about: str) -> str:
    title = f'.TH {_line(name)} 8 {DATE} Sora "Sora mail store"'
    return f"{title}\n.SH NAME\n{_line(name.lower())} \\- {_line(about)}"


def _text(text: str) -> str:
    """Words as roff has them, in lines of some length: nothing in them is a command."""
    lines = textwrap.wrap(_line(text), WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(rf"\&{line}" if line[0] in ".'" else line for line in lines)


def _line(text: str) -> str:
    """The same in one line, for what stands behind a macro or is typed as it is."""
    text = re.sub(r"\s+", " ", text).strip().replace("%%", "%")
    return text.replace("\\", "\\e").replace("-", r"\-")


def main(arguments: list[str], root: Path) -> int:
    """Write the files below `root`, or compare them. Gives the exit code."""
    files = {DIRECTORY / name: text for name, text in pages().items()}
    return write_or_compare(files, "sora.app.manual", arguments, root)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path()))
