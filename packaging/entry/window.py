"""The window's program once frozen."""

from desktop_app.__main__ import run

if __name__ == "__main__":
    run()
