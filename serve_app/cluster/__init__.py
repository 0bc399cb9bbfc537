"""The local cluster: starting, deploying to, watching and ending it.

One machine, one Ray head that belongs to Headwater. Clusters that somebody else runs
(KubeRay, `ray up`) need none of this: there, `serve deploy` is enough.
"""
