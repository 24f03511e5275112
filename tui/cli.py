"""The command line: parse, choose the verb, map errors to exit statuses."""


def main() -> None:
    """Run `dayfly`."""
