"""Pictures drawn in Python, for where no widget runs. Takes numbers, knows no widget and no capture."""
