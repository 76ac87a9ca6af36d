//! Simulated members: recorded or synthetic order flow through real FIX sessions.
