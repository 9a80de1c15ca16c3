"""What people read: sizes, times, and the texts of others."""

from datetime import datetime


def printable(text: str) -> str:
    """Text that others have chosen, with what a terminal would obey or cannot show spelled out;
    ends of lines stay."""
    if text.isprintable():
        return text
    return "".join(
        one
        if one.isprintable() or one == "\n"
        else one.encode("unicode_escape", "backslashreplace").decode()
        for one in text
    )


class Octets(int):
    """A size: a number for programs, with a unit for people."""


def size_text(octets: int) -> str:
    """A size for people."""
    size = float(octets)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"


def time_text(moment: datetime) -> str:
    """A time for people, in the zone of this machine."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
