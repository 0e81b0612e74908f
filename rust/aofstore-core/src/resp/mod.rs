//! The resp room.

pub mod encode;
