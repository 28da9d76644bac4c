"""The page: a run's diagram, and one item of it opened."""
