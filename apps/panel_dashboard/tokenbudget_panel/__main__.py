"""``python -m tokenbudget_panel``."""

from tokenbudget_panel.serving import main

if __name__ == "__main__":
    main()
