"""The ground: what exists, as YAML files and the Specs that read them."""
