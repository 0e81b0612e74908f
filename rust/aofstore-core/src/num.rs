//! Redis-exact numbers <-> bytes.
