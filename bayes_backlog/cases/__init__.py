"""Case logs: a raw export becomes a typed, pseudonymised case log, with a quarantine for what could not be used.

Nothing leaves silently: every row of the file is in the case log or in the quarantine, and every cell that could not be
read is in the quarantine with its place, its reason and what was done.
"""
