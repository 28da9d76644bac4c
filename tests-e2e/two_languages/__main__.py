"""Write the code of the snippets into docs/two-languages.md."""

from two_languages.page import PAGE, with_code

PAGE.write_text(with_code(PAGE.read_text()))
