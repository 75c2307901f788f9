"""Simple forecasts that a model must beat: each one is a function from a history to draws.

Every baseline forecasts whole distributions, from the same past as the model and for the same units. Stocks follow from
flows draw by draw. A baseline that cannot be made from what is known says why, and the reason is recorded.
"""
