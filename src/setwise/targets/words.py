"""List the kinds of targets: a kind is a file of its own and a line here, its word and the place of its class.

Nothing is imported, so that the command line's help knows the words at once.
"""

PLACES = {
    "regression": "setwise.targets.number:Number",
    "classification": "setwise.targets.classes:Classes",
    "ordinal": "setwise.targets.ordinal:Ordinal",
    "which-element": "setwise.targets.which_element:WhichElement",
    "time-to-event": "setwise.targets.time_to_event:TimeToEvent",
}
TRANSFORMS = ("log10", "log2", "ln", "log1p", "sqrt", "logit")  # of numbers (`setwise.targets.transforms`)
