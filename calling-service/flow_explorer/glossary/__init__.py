"""The words of the field, for the page /glossary and docs/glossary.md. It imports nothing but meanings."""
