"""What API and pages have in common: routes by raw path, keys, parameters, bodies, services."""
