"""Forms for phones beside LiteRT: ExecuTorch, Core ML, and ONNX Runtime's own format."""
