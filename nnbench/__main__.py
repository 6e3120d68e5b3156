"""``python -m nnbench`` is the command ``nnbench``."""

from nnbench.cli import main

if __name__ == "__main__":
    main()
