"""How a conversation ends when it is the client's doing: what waits for the client raises it."""


class ConnectionEnded(Exception):
    """The client is gone, or has to go. Ends a conversation; it is no failure."""


class TimedOut(ConnectionEnded):
    """The client did not say what it had to in time."""


class Unreadable(ConnectionEnded):
    """What the client sent is not compressed as it should be; there is no way to go on."""
