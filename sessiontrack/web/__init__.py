"""The web UI: pages, texts in each language, templates, and the sources of the browser bundle."""
