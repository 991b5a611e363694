"""What notifies others over HTTP; neither Flask nor a database."""
