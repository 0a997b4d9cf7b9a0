"""Experiments: what is asked (`Metric`), what is changed (`Intervention`), and the passes that find out what follows."""
