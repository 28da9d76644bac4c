"""Exercises: copies of one service with a planted bug each, for a learner to find and mend.

A folder with a number is an exercise: exercise.toml says what a user notices, bug.patch plants the bug,
test_exercise.py shows whether it is mended, and solution.md gives the reason. Nothing here imports a service.
"""
