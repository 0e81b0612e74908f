//! The live limits that choose encodings and bound sizes; Redis's names and defaults.

/// Set by `Config` and `CONFIG SET`; read at every growing write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub hash_max_listpack_entries: usize,
    pub hash_max_listpack_value: usize,
    /// Negative: -1..-5 for 4, 8, 16, 32, 64 KiB a node; positive: elements a node.
    pub list_max_listpack_size: i64,
    pub set_max_intset_entries: usize,
    pub set_max_listpack_entries: usize,
    pub set_max_listpack_value: usize,
    pub zset_max_listpack_entries: usize,
    pub zset_max_listpack_value: usize,
    pub proto_max_bulk_len: usize,
    /// The version of the snapshot format in which values are given out.
    pub rdb_version: i64,
    /// Whether long strings are packed there.
    pub rdb_compression: bool,
}

/// What servers take unless told otherwise.
const USUAL_BULK: usize = 512 << 20;

impl Limits {
    /// The longest argument or string that a log may hold: it may have been written under another limit.
    pub fn longest_in_log(&self) -> usize {
        self.proto_max_bulk_len.max(USUAL_BULK)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            proto_max_bulk_len: USUAL_BULK,
            rdb_version: 10,
            rdb_compression: true,
        }
    }
}
