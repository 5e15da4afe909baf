"""The Panel dashboard: what `tokenbudget` answers in a notebook, as a page that keeps itself up to date.

``python -m tokenbudget_panel`` serves it.  It asks the library and nothing else: the configured server through
`tokenbudget.client`, or the journal on this machine.
"""
