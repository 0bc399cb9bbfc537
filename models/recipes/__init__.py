"""From a recipe to a verified variant: plan, run, judge, report."""
