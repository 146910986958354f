"""The console: pages over the same workflows as the command line, rendered here, usable without JavaScript.

A page is one file in ``pages`` (entry-point group ``sekisho.pages``); what a handler is given stands in ``asked``, who
may call it beside its path, and the doors that every request passes in ``doors``.
"""
