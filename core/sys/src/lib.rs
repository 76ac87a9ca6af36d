//! Every call to the operating system, and its unsafe code.
