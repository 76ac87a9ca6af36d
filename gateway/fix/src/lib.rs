//! FIX tag-value codec: zero-copy reader, writer into a caller's buffer.
