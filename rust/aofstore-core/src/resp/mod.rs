//! The resp room.
