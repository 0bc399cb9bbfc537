"""Where the CPU of a request goes: the path taken apart, each part measured in turns."""
