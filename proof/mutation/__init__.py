"""`make mutate`: whether the tests notice small changes of the code that must not be wrong."""
