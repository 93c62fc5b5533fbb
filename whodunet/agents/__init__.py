"""A case as an agent meets it: one seat at the client, over MCP or as a task of Inspect. The truth stays outside."""
