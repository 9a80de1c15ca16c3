"""The commands of POP3, one class each."""
