"""Forecasts: the future frame, the day-by-day roll-forward and the tables made of its draws."""
