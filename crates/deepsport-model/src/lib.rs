//! Qwen2.5-VL in burn: checkpoints, processor, forward with gradients, generation.
