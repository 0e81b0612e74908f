//! One value as bytes of an RDB file, and the pieces both sides of that need.
//!
//! `codes` are the format's numbers. Written: `length`, `pack`, `write`. Read: `input`, `lzf`, `ziplist`, `read`, and `foreign` for
//! what is left out. `payload` is a value on its own. `crc` is the checksum of either side.

mod bad;
pub mod codes;
pub mod crc;
pub mod foreign;
mod input;
mod length;
mod lzf;
mod pack;
mod payload;
mod read;
mod write;
mod ziplist;

pub use bad::{Bad, Result};
pub use codes::Version;
pub use crc::Crc;
pub use foreign::Dialect;
pub use input::{Input, Room};
pub(super) use input::{array, byte, length, skip_string, string};
pub use length::put_string;
pub(super) use length::{put_int, put_length};
pub use pack::{Packer, Packing};
pub use payload::{Payload, seal};
pub use read::{Making, is_known, read};
pub use write::{type_code, write};
