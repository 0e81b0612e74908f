//! The encoding room.
