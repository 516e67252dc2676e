"""The personality of a facade over HL7."""
