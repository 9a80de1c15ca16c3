"""What an operator deploys, brought up for real: as root, with programs that the suite does not need."""
