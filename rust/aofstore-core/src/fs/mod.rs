//! The fs room.
