"""Run the command line with `python -m bayes_backlog`."""

from bayes_backlog.cli import main

if __name__ == "__main__":
    main()
