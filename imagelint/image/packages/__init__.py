"""Which packages an image holds, who owns its bytes, and what is there only because it was recommended."""
