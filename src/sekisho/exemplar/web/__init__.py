"""The administration pages and the JSON API: a bounded server, a gate, and two translations."""
