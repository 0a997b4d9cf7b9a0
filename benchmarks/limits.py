"""How far each case may go before it counts as not having opened, and what is measured at which lengths."""

PEER_TOKENS = (16, 64, 128, 256)
OWN_TOKENS = (*PEER_TOKENS, 1_024, 4_096)
CAPTURE_TOKENS = 1_024
BUILD_SECONDS = 90
BUILD_GB = 12
OPEN_SECONDS = 90
OPEN_MB = 8 * 1024
LOOKS = 11
CAPTURE_ROUNDS = 9
CASE_SECONDS = 180  # of one case with all that belongs to it: server, browser, looks
SWEEP_TOKENS = (16, 64)
SWEEP_ROUNDS = 3
ATTRIBUTION_TOKENS = (64, 256)
ATTRIBUTION_ROUNDS = 7
SWEEP_SECONDS = 600  # of one case of the causes: hundreds of forward passes
TOGGLE_WARM = 3  # heads whose clicks are not counted
TOGGLE_MS = 200
MANY_NOTES = 10_000  # in a file
VIEWED_NOTES = 500  # in a view
NOTE_ROUNDS = 25
BUSY = 0.5  # processes that others keep running, by the machine's load before a part, above which its figures are said to be shared
TOTAL_SECONDS = 25 * 60  # of the whole run; a case that would begin later is given as not run
