"""Inference: sampling, the convergence gate and predictive checks."""
