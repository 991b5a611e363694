"""What tells others, over HTTP; neither Flask nor a database."""
