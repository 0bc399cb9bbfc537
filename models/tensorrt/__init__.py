"""ONNX → engines of NVIDIA's TensorRT and TensorRT-RTX, and running them."""
