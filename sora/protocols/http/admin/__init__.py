"""What is below `/admin`, one file for each noun."""
