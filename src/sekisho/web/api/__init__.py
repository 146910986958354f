"""The operations of ``/api/v1``: the same questions and acts as the pages, typed, with the same permissions."""
