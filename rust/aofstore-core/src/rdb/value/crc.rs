//! The checksum of files and payloads: CRC-64 with Redis's polynomial.

use crc_fast::{CrcAlgorithm, Digest};

/// A checksum in the making. INVARIANT: made, it has asked what the processor can do; `update` takes no lock any more, so
/// what is made before a fork may be used after it.
#[derive(Clone)]
pub struct Crc(Digest);

impl Crc {
    pub fn new() -> Self {
        let mut digest = Digest::new(CrcAlgorithm::Crc64Redis);
        digest.update(&[0; 256]);
        digest.reset();
        Self(digest)
    }

    #[inline]
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.0.reset();
    }

    /// Of all bytes so far.
    pub fn get(&self) -> u64 {
        self.0.finalize()
    }

    pub fn of(bytes: &[u8]) -> u64 {
        let mut crc = Self::new();
        crc.update(bytes);
        crc.get()
    }
}

impl Default for Crc {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Crc;

    #[test]
    fn it_is_redis_own_polynomial_however_the_bytes_are_cut() {
        assert_eq!(Crc::of(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        let bytes: Vec<u8> = (0..5000u32).map(|n| (n * 7 + n / 9) as u8).collect();
        for cut in [1, 7, 64, 255, 256, 4096] {
            let mut crc = Crc::new();
            bytes.chunks(cut).for_each(|chunk| crc.update(chunk));
            assert_eq!(crc.get(), Crc::of(&bytes), "{cut}");
        }
        assert_eq!(Crc::of(b""), 0);
    }
}
