"""One file per kind of log that says who had which address: bytes in, batches of statements out.

A unit has `name`, `title`, `options`, `detect(head, name)` and ``read(source, tally, options)``; the option ``source``
(the file's name) stands in the column of that name. Units hold no state.
"""
