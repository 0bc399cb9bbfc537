"""Language models: few-bit weights, adapters, and what they do to quality and speed."""
