"""Who is asking, what they may do and how often: visitors, headers, rate limits, slow uploads."""
