"""When a batch leaves and what it holds. Pure: no clock, no runtime, no event loop.

`desk` decides for one model on one replica, `line` is its queue, `latency` what it learned
about its model, `outlook` the soonest an answer can come, `sealing` how much a batch takes.
`replay` runs the same desk over a trace of arrivals.
"""
