"""Models: one specification, built by Bambi or by PyMC.

`spec` says what is modelled, `design` turns panels into arrays, `row_bambi` and `row_pymc` are the transparent row
model, `row_fast` is the same model as it is sampled, `forecaster` is the default model with shared day and week
effects.
"""
