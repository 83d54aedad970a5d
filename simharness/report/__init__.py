"""Reports of a run: on the terminal, as Markdown, and the progress shown while it runs."""
