"""One TOML file and the environment: the config, checked as a whole before anything runs."""
