"""The site file: TOML to frozen typed models, with located errors."""
