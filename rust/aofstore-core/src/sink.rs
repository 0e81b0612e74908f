//! Where bytes are put: what every writer of this crate writes into.
//!
//! A sink answers nothing. One that can fail keeps the failure, drops what comes later and says so when it is asked.

/// Takes bytes.
pub trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

/// A sink of whole keyspaces.
pub trait KeySink: Sink {
    /// After each key with all that belongs to it. False: it failed, or somebody wants no more; go no further.
    fn key_done(&mut self) -> bool;
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl KeySink for Vec<u8> {
    #[inline]
    fn key_done(&mut self) -> bool {
        true
    }
}
