"""What waits for others to tell of devices, and writes it down."""
