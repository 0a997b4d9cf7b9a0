"""Experiments: what is asked (`Metric`), what is changed (`Intervention`), and the passes that find out what follows.

    changes = [lw.Intervention("z", layer=1, head=head) for head in range(4)]
    for found in lw.sweep(run, changes, lw.Metric(" Mary", foil=" John")):
        print(changes[found.index], found.effect("logit_difference"))

Metrics, interventions and replacements are plain data; the names are public in `llmwidgets`.
"""
