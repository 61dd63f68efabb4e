//! From syntax tree to text.
