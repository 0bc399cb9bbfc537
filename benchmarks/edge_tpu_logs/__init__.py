"""Published reports of Google's compiler, and the networks they are about, made anew."""
