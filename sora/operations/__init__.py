"""What an operator can do, one file per noun."""
