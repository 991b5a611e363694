"""Servers and hooks to which other programs report devices."""
