//! The numbers of the format, as Redis and Valkey give them out.

/// A version of the format that can be written; see the table of `docs/decisions/` for who reads which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// Redis 7.0's, which every later Redis and every Valkey reads.
    #[default]
    V10,
    /// Redis 7.2's: sets may be listpacks. Redis 7.0 refuses it.
    V11,
}

impl Version {
    pub const fn number(self) -> u16 {
        match self {
            Self::V10 => 10,
            Self::V11 => 11,
        }
    }

    /// From the setting `rdb-version`.
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            10 => Some(Self::V10),
            11 => Some(Self::V11),
            _ => None,
        }
    }
}

pub const STRING: u8 = 0;
pub const LIST: u8 = 1;
pub const SET: u8 = 2;
pub const ZSET: u8 = 3;
pub const HASH: u8 = 4;
pub const ZSET_2: u8 = 5;
pub const MODULE_PRE_GA: u8 = 6;
pub const MODULE_2: u8 = 7;
pub const HASH_ZIPMAP: u8 = 9;
pub const LIST_ZIPLIST: u8 = 10;
pub const SET_INTSET: u8 = 11;
pub const ZSET_ZIPLIST: u8 = 12;
pub const HASH_ZIPLIST: u8 = 13;
pub const LIST_QUICKLIST: u8 = 14;
pub const STREAM_LISTPACKS: u8 = 15;
pub const HASH_LISTPACK: u8 = 16;
pub const ZSET_LISTPACK: u8 = 17;
pub const LIST_QUICKLIST_2: u8 = 18;
pub const STREAM_LISTPACKS_2: u8 = 19;
pub const SET_LISTPACK: u8 = 20;
pub const STREAM_LISTPACKS_3: u8 = 21;

/// Nodes of a [`LIST_QUICKLIST_2`].
pub const PLAIN: u64 = 1;
pub const PACKED: u64 = 2;

/// What stands where the type of a key could stand.
pub mod opcode {
    /// Metadata of a key in Redis 8.6, an import of slots in Valkey 9.
    pub const KEY_META: u8 = 243;
    pub const SLOT_INFO: u8 = 244;
    pub const FUNCTION_2: u8 = 245;
    pub const FUNCTION_PRE_GA: u8 = 246;
    pub const MODULE_AUX: u8 = 247;
    pub const IDLE: u8 = 248;
    pub const FREQ: u8 = 249;
    pub const AUX: u8 = 250;
    pub const RESIZE_DB: u8 = 251;
    pub const EXPIRE_MS: u8 = 252;
    pub const EXPIRE: u8 = 253;
    pub const SELECT_DB: u8 = 254;
    pub const END: u8 = 255;
}

/// The first byte of a length whose two highest bits are set: a string in a special form.
pub mod special {
    pub const INT_8: u8 = 0xc0;
    pub const INT_16: u8 = 0xc1;
    pub const INT_32: u8 = 0xc2;
    pub const LZF: u8 = 0xc3;
}
