"""The reading side: SQL that returns rows ready to serialise. Nothing here writes."""
