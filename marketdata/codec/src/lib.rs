//! The public feed: packet header and messages, generated from marketdata/schema.
