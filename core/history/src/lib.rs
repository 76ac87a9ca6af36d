//! Events rebuilt from the journal: journal reader and matcher.
