"""Which devices were connected, and which people were in the web UI, from when to when."""
