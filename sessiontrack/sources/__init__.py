"""What speaks to the outside: foreign text in, plain observations out."""
