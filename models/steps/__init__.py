"""What runs each step of a recipe; one module a step or a family of them."""
