"""The end of a command: its trace, and a line in the log if it took long."""

from twisted.logger import Logger

from sora.net.peer import Peer
from sora.tracing.commands import InHand


def end_command(
    trace: InHand,
    command: str,
    outcome: str,
    seconds: float,
    *,
    slow: float,
    log: Logger,
    session: str,
    user: str,
    peer: Peer,
) -> None:
    """A command was answered after `seconds` of the server's own time; from `slow` seconds on
    (`[logging] slow_command`, 0 is never) the log says so, and the trace is kept."""
    is_slow = 0 < slow <= seconds
    if is_slow:
        trace.keep()
    fields = trace.end(command, outcome, seconds, user, peer)
    if is_slow:
        log.warn(
            "session {session}: {command} took {duration} seconds",
            session=session,
            command=command.upper(),
            duration=round(seconds, 1),
            user=user,
            peer=str(peer),
            **fields,
        )
