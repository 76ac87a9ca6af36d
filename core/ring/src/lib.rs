//! Rings in shared memory: single producer/single consumer, and broadcast.
