//! Redis's intset: a sorted set of integers in one run of bytes, as wide as its widest member needs.
//!
//! The small encoding of sets of integers, written into RDB as it is: width (2, 4 or 8) and count as 32-bit
//! words, then the members, all little-endian. INVARIANT: strictly ascending; the width never falls, as in Redis.
#![expect(unsafe_code, reason = "the length that the block needs is in the bytes of the block")]
#![expect(clippy::indexing_slicing, reason = "indices stay below the count in the header; hot path")]

use super::block::{self, Block};

/// Width and count.
const HEADER: usize = 8;

/// A sorted set of integers in Redis's intset bytes, behind one pointer.
pub struct Intset {
    block: Block,
}

/// Bytes a member needs.
const fn width_of(value: i64) -> usize {
    match value {
        -0x8000..=0x7fff => 2,
        -0x8000_0000..=0x7fff_ffff => 4,
        _ => 8,
    }
}

fn header(width: usize, count: usize) -> [u8; HEADER] {
    (width as u64 | (count as u64) << 32).to_le_bytes()
}

impl Intset {
    pub fn new() -> Self {
        Self { block: Block::copy_of(&header(2, 0)) }
    }

    /// Takes bytes from a file, if they are a sound intset that is not empty.
    pub fn from_bytes_validated(bytes: impl AsRef<[u8]>) -> Option<Self> {
        let bytes = bytes.as_ref();
        let header = u64::from_le_bytes(*bytes.first_chunk::<HEADER>()?);
        let width = header as u32 as usize;
        let count = (header >> 32) as usize;
        if !matches!(width, 2 | 4 | 8) || count == 0 || bytes.len() != HEADER + width * count {
            return None;
        }
        let set = Self { block: Block::copy_of(bytes) };
        set.iter().is_sorted_by(|a, b| a < b).then_some(set)
    }

    /// The bytes as Redis writes them into RDB.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: the block has exactly the length that its header says.
        unsafe { self.block.bytes(self.bytes()) }
    }

    #[inline]
    fn word(&self, at: usize) -> usize {
        // SAFETY: a block is never shorter than the header.
        let header = unsafe { self.block.bytes(HEADER) };
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize
    }

    #[inline]
    fn width(&self) -> usize {
        self.word(0)
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.word(4)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn bytes(&self) -> usize {
        HEADER + self.width() * self.len()
    }

    /// Asks the processor for the first entries, without reading anything.
    #[inline]
    pub fn prefetch(&self) {
        self.block.prefetch(block::OFTEN);
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        block::footprint(self.bytes())
    }

    /// The member number `index` in ascending order.
    #[inline]
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| read(self.as_bytes(), self.width(), index))
    }

    /// Where `value` is, or where it would be put.
    fn search(&self, value: i64) -> Result<usize, usize> {
        let (bytes, width) = (self.as_bytes(), self.width());
        let (mut low, mut high) = (0, self.len());
        // Members often arrive in ascending order: look at the last one before halving.
        if high > 0 && read(bytes, width, high - 1) < value {
            return Err(high);
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            match read(bytes, width, middle).cmp(&value) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    pub fn contains(&self, value: i64) -> bool {
        self.search(value).is_ok()
    }

    /// Returns whether `value` is new.
    pub fn add(&mut self, value: i64) -> bool {
        if width_of(value) > self.width() {
            self.widen(width_of(value));
        }
        let Err(index) = self.search(value) else { return false };
        let (width, count) = (self.width(), self.len());
        assert!(u32::try_from(count + 1).is_ok(), "intset past 2^32 members");
        let (from, at) = (self.bytes(), HEADER + width * index);
        // SAFETY: `from` is the current length.
        unsafe { self.block.resize(from, from + width) };
        // SAFETY: the block has just been given this length.
        let bytes = unsafe { self.block.bytes_mut(from + width) };
        bytes.copy_within(at..from, at + width);
        write(bytes, width, index, value);
        bytes[..HEADER].copy_from_slice(&header(width, count + 1));
        true
    }

    /// Returns whether `value` was there.
    pub fn remove(&mut self, value: i64) -> bool {
        let Ok(index) = self.search(value) else { return false };
        let (width, count) = (self.width(), self.len());
        let (from, at) = (self.bytes(), HEADER + width * index);
        // SAFETY: `from` is the current length.
        let bytes = unsafe { self.block.bytes_mut(from) };
        bytes.copy_within(at + width..from, at);
        bytes[..HEADER].copy_from_slice(&header(width, count - 1));
        // SAFETY: `from` is still the block's length; the header already has the new count.
        unsafe { self.block.resize(from, from - width) };
        true
    }

    fn widen(&mut self, width: usize) {
        let count = self.len();
        let mut wide = Self { block: Block::new(HEADER + width * count) };
        // SAFETY: the block was just made with this length.
        let bytes = unsafe { wide.block.bytes_mut(HEADER + width * count) };
        bytes[..HEADER].copy_from_slice(&header(width, count));
        for (index, value) in self.iter().enumerate() {
            write(bytes, width, index, value);
        }
        *self = wide;
    }

    /// A member, each with the same chance.
    pub fn random(&self, rng: &mut fastrand::Rng) -> Option<i64> {
        (!self.is_empty()).then(|| rng.usize(..self.len())).and_then(|index| self.get(index))
    }

    pub fn min(&self) -> Option<i64> {
        self.get(0)
    }

    pub fn max(&self) -> Option<i64> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The members in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + Clone + '_ {
        let (bytes, width) = (self.as_bytes(), self.width());
        (0..self.len()).map(move |index| read(bytes, width, index))
    }
}

#[inline]
fn read(bytes: &[u8], width: usize, index: usize) -> i64 {
    // A short member goes to the top, so that the shift down carries its sign.
    let mut le = [0; 8];
    le[8 - width..].copy_from_slice(&bytes[HEADER + width * index..][..width]);
    i64::from_le_bytes(le) >> (64 - 8 * width)
}

fn write(bytes: &mut [u8], width: usize, index: usize, value: i64) {
    bytes[HEADER + width * index..][..width].copy_from_slice(&value.to_le_bytes()[..width]);
}

impl Default for Intset {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Intset {
    fn clone(&self) -> Self {
        Self { block: Block::copy_of(self.as_bytes()) }
    }
}

impl Drop for Intset {
    fn drop(&mut self) {
        let len = self.bytes();
        // SAFETY: `len` is the block's length, and nobody uses it after drop.
        unsafe { self.block.free(len) };
    }
}

impl std::fmt::Debug for Intset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn set(values: &[i64]) -> Intset {
        let mut set = Intset::new();
        for &value in values {
            set.add(value);
        }
        set
    }

    #[test]
    fn golden_bytes_of_each_width() {
        assert_eq!(size_of::<Intset>(), 8);
        assert_eq!(Intset::new().as_bytes(), [2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(set(&[5, -1, 1000]).as_bytes(), [2, 0, 0, 0, 3, 0, 0, 0, 0xff, 0xff, 5, 0, 0xe8, 3]);
        assert_eq!(set(&[1, 32768]).as_bytes(), [4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0x80, 0, 0],);
        assert_eq!(
            set(&[1, -2_147_483_649]).as_bytes(),
            [8, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0],
        );
    }

    #[test]
    fn width_grows_at_the_borders_and_never_falls() {
        let borders = [
            (-32768, 2),
            (32767, 2),
            (-32769, 4),
            (32768, 4),
            (-2_147_483_648, 4),
            (2_147_483_647, 4),
            (-2_147_483_649, 8),
            (2_147_483_648, 8),
            (i64::MIN, 8),
            (i64::MAX, 8),
        ];
        for (value, width) in borders {
            let mut set = set(&[value]);
            assert_eq!(usize::from(set.as_bytes()[0]), width, "{value}");
            assert_eq!(set.get(0), Some(value));
            assert!(set.remove(value) && !set.remove(value));
            assert_eq!(usize::from(set.as_bytes()[0]), width);
        }
    }

    #[test]
    fn damaged_intsets_are_refused() {
        let good = set(&[1, 2, 70000]).as_bytes().to_vec();
        assert!(Intset::from_bytes_validated(&good).is_some());
        for cut in 0..good.len() {
            assert!(Intset::from_bytes_validated(&good[..cut]).is_none());
        }
        for (at, byte) in [(0, 3), (0, 0), (4, 2), (7, 0xff), (8, 2), (8, 9)] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert!(Intset::from_bytes_validated(&bad).is_none(), "byte {at}");
        }
        assert!(Intset::from_bytes_validated(Intset::new().as_bytes()).is_none());
    }

    #[test]
    fn random_reaches_every_member() {
        let (set, mut rng) = (set(&[1, 2, 3]), fastrand::Rng::with_seed(1));
        let seen: BTreeSet<_> = (0..100).filter_map(|_| set.random(&mut rng)).collect();
        assert_eq!(seen, BTreeSet::from([1, 2, 3]));
        assert_eq!(Intset::new().random(&mut rng), None);
    }

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![4 => -20i64..20, 2 => -40_000i64..40_000, 1 => any::<i32>().prop_map(i64::from), 1 => any::<i64>()]
    }

    proptest! {
        #[test]
        fn intset_behaves_as_a_btree_set(steps in vec((any::<bool>(), number()), 0..120)) {
            let (mut set, mut model) = (Intset::new(), BTreeSet::new());
            for (add, value) in steps {
                if add {
                    prop_assert_eq!(set.add(value), model.insert(value));
                } else {
                    prop_assert_eq!(set.remove(value), model.remove(&value));
                }
                prop_assert_eq!(set.contains(value), model.contains(&value));
                prop_assert!(set.iter().eq(model.iter().copied()));
            }
            prop_assert!(set.iter().rev().eq(model.iter().rev().copied()));
            prop_assert_eq!((set.min(), set.max()), (model.first().copied(), model.last().copied()));
            prop_assert_eq!(set.len(), model.len());
            prop_assert_eq!(set.get(model.len()), None);
            prop_assert_eq!(Intset::from_bytes_validated(set.as_bytes()).is_some(), !model.is_empty());
            let copy = set.clone();
            prop_assert_eq!(copy.as_bytes(), set.as_bytes());
        }

        #[test]
        fn hostile_bytes_never_panic(width in 0u8..9, count in 0u8..6, body in vec(any::<u8>(), 0..48)) {
            let mut bytes = vec![width, 0, 0, 0, count, 0, 0, 0];
            bytes.extend(body);
            if let Some(set) = Intset::from_bytes_validated(&bytes) {
                prop_assert_eq!(set.iter().count(), usize::from(count));
            }
        }
    }
}
