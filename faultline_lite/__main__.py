"""Run the command line as ``python -m faultline_lite``."""

from faultline_lite.cli import main

if __name__ == "__main__":
    main()
