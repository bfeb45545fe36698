"""What is served: each network's page, made from its metadata.json."""
