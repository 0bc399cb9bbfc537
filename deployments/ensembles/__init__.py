"""Ensembles: who is asked for which rows, and when an answer is good enough.

Pure: `quorum`, `poll` and `cascade` decide for one request, `choice` who may take part,
`pace` what members are learned to take, `stats` counts. `member` is the word they share.
`talk` asks members as it is told, `node` is the node of the graph, `opening` makes it of
its Spec.
"""
