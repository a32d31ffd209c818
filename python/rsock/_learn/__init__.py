"""What the commands for learners are made of: running scripts and notes, and saying what went wrong."""
