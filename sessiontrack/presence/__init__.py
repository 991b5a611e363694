"""What was reported and what was seen of devices, and the history that follows from it."""
