"""Pictures of what is exported: fronts, confusion, margins."""
