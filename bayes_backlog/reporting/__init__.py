"""Reporting: pages that read a finished run. Nothing here samples, and nothing here changes a run's numbers."""
