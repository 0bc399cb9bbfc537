"""What an operator asked of the served models, and how every replica comes to do it.

`desired` is what is asked, `board` where it is kept, `plan` (pure) what one replica must do
about it, `hosting` does it there, `repository` is the `Control` that operators talk to.
"""
