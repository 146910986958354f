"""What a report says, before it is set as HTML or PDF: pure values made from one `Document`."""
