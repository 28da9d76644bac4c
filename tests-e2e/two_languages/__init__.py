"""Ten snippets in Python and in JavaScript, which docs/two-languages.md shows and a test runs."""
