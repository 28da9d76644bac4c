"""A run as text in the terminal, and the commands that show one."""
