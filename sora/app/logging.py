"""Where the log goes: `[logging]` made into an observer of `twisted.logger`.

A record is one line: time, level, who says it, text, and what is known about it as
`key=value` (text), or one JSON object (json). A failure's traceback follows its line in text,
and is a field in JSON. Secrets are never formatted: fields that sound like one are left out
(G69).
"""

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from io import TextIOBase
from pathlib import Path
from time import time
from typing import Any, Final, TextIO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)
from zope.interface import implementer

from sora.app.log_socket import LogSocket
from sora.config.logging import LoggingConfig

_SECRET = re.compile(r"password|secret|api_?key|token|credential|verifier", re.IGNORECASE)
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_OWN: Final = frozenset(
    {"format", "time", "level", "logger", "namespace", "source", "failure", "isError", "system"}
)
_LEGACY: Final = frozenset({"message", "text", "why", "log_legacy"})
_PRIORITIES: Final = {"debug": 7, "info": 6, "warn": 4, "error": 3, "critical": 2}
"""RFC 5424 §6.2.1"""
_MAIL_FACILITY: Final = 2
_JOURNAL: Final = "/run/systemd/journal/socket"
_SYSLOG: Final = "/dev/log"


@implementer(ILogObserver)
class LogOutput:
    """The observer that writes the log. `configure` exchanges what it does while it runs."""

    def __init__(self, config: LoggingConfig, stderr: TextIO | None = None) -> None:
        self._stderr = stderr or sys.stderr
        self._sink: Sink = _Nowhere()
        self._filtered: Any = None
        self.configure(config)

    def configure(self, config: LoggingConfig) -> None:
        """Begin to write as `config` says. Raises OSError, and goes on as before."""
        format_line = format_json if config.format == "json" else format_text
        sink = _sink_for(config.output, format_line, self._stderr)
        self._sink.close()
        self._sink = sink
        predicate = LogLevelFilterPredicate(LogLevel.levelWithName(config.level))
        for part, level in config.by_part.items():
            predicate.setLogLevelForNamespace(part, LogLevel.levelWithName(level))
        self._filtered = FilteringLogObserver(sink, [predicate])

    def reopen(self) -> None:
        """Open the file anew, after it was renamed by whoever rotates logs."""
        self._sink.reopen()

    def close(self) -> None:
        """Write nothing more."""
        self._sink.close()

    def __call__(self, event: LogEvent) -> None:
        self._filtered(event)


# ------------------------------------------------------------------ lines


def format_text(event: LogEvent) -> str:
    """One record as a line for people; a traceback below it."""
    level = event.get("log_level")
    name = level.name if level is not None else "info"
    known = _text_of(event)
    words = [_time_of(event), f"{name:<5}", f"[{_namespace(event)}]", known]
    words += [
        f"{key}={_quoted(value)}"
        for key, value in _fields(event).items()
        if str(value) not in known
    ]
    line = " ".join(words)
    trace = _trace_of(event)
    return f"{line}\n{trace}" if trace else line


def format_json(event: LogEvent) -> str:
    """One record as one JSON object."""
    level = event.get("log_level")
    record: dict[str, Any] = {
        "time": _time_of(event),
        "level": level.name if level is not None else "info",
        "logger": _namespace(event),
        "message": _text_of(event),
    }
    for key, value in _fields(event).items():
        record.setdefault(key, value)
    if trace := _trace_of(event):
        record["traceback"] = trace
    return json.dumps(record, default=str, ensure_ascii=False)


def _time_of(event: LogEvent) -> str:
    moment = datetime.fromtimestamp(event.get("log_time", 0.0), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _namespace(event: LogEvent) -> str:
    return str(event.get("log_namespace", "-"))


def _text_of(event: LogEvent) -> str:
    return _shown(formatEvent(event))


def _shown(text: str) -> str:
    """A line of the log is a line: what a client sent cannot begin another one, nor command the
    terminal of who reads it."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _fields(event: LogEvent) -> dict[str, Any]:
    """What was said beside the text, as plain values."""
    found: dict[str, Any] = {}
    for key, value in event.items():
        if key.startswith("log_") or key in _OWN or key in _LEGACY or not _FIELD.match(key):
            continue
        if _SECRET.search(key):
            continue
        found[key] = value if isinstance(value, str | int | float | bool) else str(value)
    return found


def _quoted(value: Any) -> str:
    text = _shown(str(value))
    return text if re.fullmatch(r"[^\s\"=]+", text) else json.dumps(text, ensure_ascii=False)


def _trace_of(event: LogEvent) -> str:
    failure = event.get("log_failure")
    return failure.getTraceback().rstrip() if failure is not None else ""


# ------------------------------------------------------------------ sinks


@implementer(ILogObserver)
class Sink:
    """Something that takes records."""

    def __call__(self, event: LogEvent) -> None:
        """Take one record."""

    def reopen(self) -> None:
        """Open what was opened anew."""

    def close(self) -> None:
        """Take nothing more."""


class _Nowhere(Sink):
    pass


class _StreamSink(Sink):
    """An open stream that is not ours to close."""

    def __init__(self, stream: TextIO | TextIOBase, format_line: Callable[[LogEvent], str]) -> None:
        self._stream = stream
        self._format = format_line

    def __call__(self, event: LogEvent) -> None:
        try:
            self._stream.write(self._format(event) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return  # nobody is there to be told


class _FileSink(Sink):
    """A file that is appended to, by name."""

    def __init__(self, path: str, format_line: Callable[[LogEvent], str]) -> None:
        self._path = Path(path)
        self._format = format_line
        self._file: TextIO = self._open()

    def _open(self) -> TextIO:
        return self._path.open("a", encoding="utf-8", errors="backslashreplace")

    def __call__(self, event: LogEvent) -> None:
        try:
            self._file.write(self._format(event) + "\n")
            self._file.flush()
        except (OSError, ValueError):
            return  # a full disk must not stop the mail

    def reopen(self) -> None:
        fresh = self._open()
        self._file.close()
        self._file = fresh

    def close(self) -> None:
        self._file.close()


class _DatagramSink(Sink):
    """A local socket of syslog or journald. What it does not take at once waits a while."""

    def __init__(self, path: str, packet: Callable[[LogEvent], bytes]) -> None:
        self._packet = packet
        self._socket = LogSocket(path, lambda count: packet(_lost(count)))

    def __call__(self, event: LogEvent) -> None:
        self._socket.send(self._packet(event))

    def reopen(self) -> None:
        self._socket.reopen()

    def close(self) -> None:
        self._socket.close()


def _lost(count: int) -> LogEvent:
    """The record that says how many there are not."""
    return {
        "log_format": "{count} records of the log are lost: they were not taken in time",
        "log_level": LogLevel.warn,
        "log_namespace": "sora.log",
        "log_time": time(),
        "count": count,
    }


def _sink_for(output: str, format_line: Callable[[LogEvent], str], stderr: TextIO) -> Sink:
    match output:
        case "stderr":
            return _StreamSink(stderr, format_line)
        case "syslog":
            return _DatagramSink(_SYSLOG, lambda event: syslog_packet(event, format_line))
        case "journald":
            return _DatagramSink(_JOURNAL, journal_packet)
    return _FileSink(output, format_line)


def _priority(event: LogEvent) -> int:
    level = event.get("log_level")
    return _PRIORITIES[level.name if level is not None else "info"]


def syslog_packet(event: LogEvent, format_line: Callable[[LogEvent], str]) -> bytes:
    """A record as RFC 3164 has it on a local socket; the time is the daemon's."""
    priority = _MAIL_FACILITY * 8 + _priority(event)
    return f"<{priority}>sora: {format_line(event)}".encode("utf-8", "backslashreplace")


def journal_packet(event: LogEvent) -> bytes:
    """A record with its fields, as systemd-journald takes them on its native socket."""
    entries = {"MESSAGE": _text_of(event), "PRIORITY": str(_priority(event))}
    entries["SYSLOG_IDENTIFIER"] = "sora"
    entries["SORA_LOGGER"] = _namespace(event)
    for key, value in _fields(event).items():
        entries.setdefault(f"SORA_{key.upper()}", str(value))
    if trace := _trace_of(event):
        entries["SORA_TRACEBACK"] = trace
    packet = b""
    for key, value in entries.items():
        octets = value.encode("utf-8", "backslashreplace")
        if b"\n" in octets:
            packet += key.encode() + b"\n" + len(octets).to_bytes(8, "little") + octets + b"\n"
        else:
            packet += key.encode() + b"=" + octets + b"\n"
    return packet
