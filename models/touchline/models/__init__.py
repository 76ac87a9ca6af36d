"""Models of the next move: features, training, export to ONNX, and what scores them."""
