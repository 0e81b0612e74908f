//! What is written, and what for.

use super::snapshot::{self, Head, Output};
use crate::keyspace::Keyspace;
use crate::rdb::file::Snapshot;
use std::ffi::CStr;

/// What a file, and the child that writes it, is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Rewrite,
    Save,
    /// Somewhere else, by nobody's child.
    Copy,
}

/// How the keyspace is written; made before a fork, since writing allocates nothing.
pub enum Form {
    /// As commands.
    Resp(Head),
    /// As a snapshot.
    Rdb(Box<Snapshot>),
}

impl Role {
    /// What is done, in messages.
    pub const fn work(self) -> &'static str {
        match self {
            Self::Rewrite => "rewrite",
            Self::Save => "save",
            Self::Copy => "copy",
        }
    }

    /// The child's name in messages.
    pub const fn child(self) -> &'static str {
        match self {
            Self::Rewrite => "rewrite child",
            Self::Save => "save child",
            Self::Copy => "copy",
        }
    }

    /// The same for `ps`, which shows fifteen characters of it.
    pub(super) const fn process(self) -> &'static CStr {
        match self {
            Self::Rewrite => c"aofstore-rewrite",
            Self::Save => c"aofstore-save",
            Self::Copy => c"aofstore-copy",
        }
    }
}

impl Form {
    /// Writes all of it; false if the output stopped it.
    pub(super) fn write(&mut self, space: &Keyspace, out: &mut impl Output) -> bool {
        match self {
            Self::Resp(head) => {
                snapshot::head(*head, space, out);
                snapshot::write(space, out)
            }
            Self::Rdb(snapshot) => snapshot.write(space, out),
        }
    }
}
