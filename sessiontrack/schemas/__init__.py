"""What may be sent and what is answered, one module a resource."""
