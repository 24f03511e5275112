"""`python -m tui` is `dayfly`."""

from tui.cli import main

main()
