//! FIX 4.4 session state machine, without I/O.
