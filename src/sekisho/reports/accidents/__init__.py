"""Documents of an accident: drafts for the ministry and for users. A person signs them off; nothing is sent."""
