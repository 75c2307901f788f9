"""Evaluation: proper scores, rolling-origin backtests and skill against baselines."""
