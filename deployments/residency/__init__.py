"""Which models are loaded on a replica, and when they come and go.

`residency` is the shell and the door. The deciders are pure: `admission` (is there room),
`eviction` (who leaves), `idle`, `demand` (who is wanted), `failures` (what is not tried
again), `sizes` (what a model takes). `loading`, `memory` and `blackbox` touch the machine.
"""
