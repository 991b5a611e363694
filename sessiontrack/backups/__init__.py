"""Backups: made while the database is in use, one file each, in a folder."""
