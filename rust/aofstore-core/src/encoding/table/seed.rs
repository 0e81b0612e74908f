//! The secret that decides where keys stand in a table.
//!
//! SipHash-1-3 under a random key: whoever chooses the keys cannot choose their buckets.

use std::hash::{BuildHasher, RandomState};

use siphasher::sip::SipHasher13;

/// The hash key of a table.
#[derive(Clone, Copy)]
pub struct Seed(u64, u64);

impl Seed {
    /// A seed that nobody outside can guess.
    pub fn random() -> Self {
        let state = RandomState::new();
        Self(state.hash_one(0u8), state.hash_one(1u8))
    }

    /// The same seed each time, for tests.
    pub const fn fixed(k0: u64, k1: u64) -> Self {
        Self(k0, k1)
    }

    #[inline]
    pub fn hash(self, key: &[u8]) -> u64 {
        SipHasher13::new_with_keys(self.0, self.1).hash(key)
    }
}
