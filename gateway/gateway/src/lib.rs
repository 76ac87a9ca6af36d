//! The gateway agent: FIX acceptor, order entry, message store.
