"""How a vendor normally behaves: data first, little code."""
