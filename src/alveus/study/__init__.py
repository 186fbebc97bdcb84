"""A study as a plan: which artefacts it has, what each depends on, what each needs, and how far it got."""
