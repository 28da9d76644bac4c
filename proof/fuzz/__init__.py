"""`make fuzz`: the tests marked `fuzz` with as many generated inputs as the time allows (docs/fuzzing.md)."""
