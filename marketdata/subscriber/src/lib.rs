//! Subscriber library: A/B arbitration, gap detection, recovery, book.
