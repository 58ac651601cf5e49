"""`python -m e2ev`: the same as the command `e2ev`."""

from e2ev_cli.main import run

if __name__ == "__main__":
    run()
