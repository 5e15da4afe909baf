"""What `dev.py` is made of: steps, environment, web build, browser. Standard library only, except `contracts`."""
