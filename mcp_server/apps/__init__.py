"""The approval card: a page that assistants show inside of a conversation."""
