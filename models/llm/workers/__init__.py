"""Run inside the environments of `models.llm.toolings`; import nothing else of ours."""
