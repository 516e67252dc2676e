"""HL7 v2: bytes-first framing, lossless messages, acknowledgements, what comes in and what goes out."""
