"""The gallery: cases that change one thing, and what plays them."""
