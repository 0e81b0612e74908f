//! What has to stand before the next record: the second it was logged in, and the database it is for.
//!
//! Whoever goes over to another file starts with an empty one, so that every file says both for itself.

/// What the file's end stands at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Heading {
    /// Database of the last record fed; `None` makes the next one bring a SELECT (F-04).
    pub(super) selected: Option<u32>,
    /// Second of the last `#TS` fed.
    pub(super) stamped: Option<i64>,
}
