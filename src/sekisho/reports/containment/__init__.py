"""Texts of containment rules, one module per equipment. Text only: nothing here, and nothing that calls it, applies one.

Whatever goes into a text is parsed again here and written in canonical form (`tokens`), so that no name, address or id
of a list, a case or a device can add a line or end a string.
"""
