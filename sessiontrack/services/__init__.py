"""The rules. Each takes the transaction and the present instant; none knows of requests or schemas."""
