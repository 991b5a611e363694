"""The calls, one module a resource: token and schema in, service or query, answer out."""
