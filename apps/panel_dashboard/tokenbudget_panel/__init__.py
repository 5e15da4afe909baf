"""The Panel dashboard: the results of `tokenbudget` in a notebook, as a page that updates itself.

``python -m tokenbudget_panel`` serves it.  It asks the library and nothing else: the configured server through
`tokenbudget.client`, or the journal on this machine.
"""
