"""What the commands for learners are made of: running scripts and notes, saying what is wrong."""
