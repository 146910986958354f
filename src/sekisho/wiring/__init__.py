"""The only marriage office: configuration in, chosen stores, wires and plugins out; one file for each thing married."""
