"""Run the command ``sirenpde`` as ``python -m sirenpde``."""

from sirenpde.cli import main

if __name__ == "__main__":
    main()
