"""The browser's side: pages, their texts in each language, templates, and what is bundled for the browser."""
