//! The C ABI of Touchline.
