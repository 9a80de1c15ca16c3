"""An example of an RFC."""

from attrs import frozen


@frozen
class Example:
    """A script, or a part of one, exactly as an RFC prints it."""

    section: str
    script: str
    misprints: tuple[tuple[str, str], ...] = ()
    """what is printed wrongly, and what is meant; as it is printed it is no valid script"""
    fragment: str = ""
    """why it is no complete script"""
    before: str = ""
    after: str = ""
    """what a fragment lacks to be one"""
    refused: bool = False
    """whether the RFC shows it as one that is no valid script"""

    @property
    def meant(self) -> str:
        """The script as it is meant, complete."""
        text = self.script
        for wrong, right in self.misprints:
            text = text.replace(wrong, right)
        return f"{self.before}{text}{self.after}\n"
