"""Networks whose layers are public, with random weights; they run where TensorFlow is.

Whether an operator is mapped follows from its kind, datatypes and shapes, so weights do
not matter. Every function takes `tf.keras` and gives a model.
"""
