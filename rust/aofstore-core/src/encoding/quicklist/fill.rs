//! How long one node may get: Redis's `list-max-listpack-size`.

/// Bytes a node of a count-limited list may have, whatever the count.
const SAFETY_BYTES: usize = 8192;
/// Redis's estimate of what an entry adds to its value.
const ENTRY_OVERHEAD: usize = 8;

/// Limit of a node: -1 to -5 are 4, 8, 16, 32 and 64 KiB, positive numbers are entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill(i16);

impl Fill {
    /// Redis's default, 8 KiB.
    pub const DEFAULT: Self = Self(-2);

    /// The setting as Redis understands it: values out of range are brought to the nearest meaning.
    pub fn from_setting(value: i64) -> Self {
        Self(value.clamp(-5, i64::from(i16::MAX)) as i16)
    }

    /// Bytes a node may have.
    pub fn bytes(self) -> usize {
        match self.0 {
            0.. => SAFETY_BYTES,
            level => 2048 << level.unsigned_abs(),
        }
    }

    /// Entries a node may have; 0 in the setting means one.
    pub fn count(self) -> usize {
        usize::try_from(self.0).map_or(usize::MAX, |count| count.max(1))
    }

    /// Whether a node of this size is past the limit: when true, a list of one listpack must become a quicklist.
    pub fn exceeded(self, bytes: usize, count: usize) -> bool {
        bytes > self.bytes() || count > self.count()
    }

    /// Whether a value of `len` bytes may join a node of `bytes` bytes and `count` entries.
    pub(super) fn admits(self, bytes: usize, count: usize, len: usize) -> bool {
        !self.exceeded(bytes.saturating_add(len).saturating_add(ENTRY_OVERHEAD), count + 1)
    }

    /// Whether a value of `len` bytes stands alone.
    pub(super) fn is_large(self, len: usize) -> bool {
        len > self.bytes()
    }
}
