"""Configuration files: YAML 1.2 read safely, validated, with errors that people can act on."""
