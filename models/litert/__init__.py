"""LiteRT (.tflite): files read and rewritten, made, run and judged on the host."""
