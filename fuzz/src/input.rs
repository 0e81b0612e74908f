//! An input eaten from the front; at its end it gives zeros, so any bytes are a valid input.

pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        byte
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Up to `count` bytes.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// A number of up to 64 bits, small ones and powers of two often.
    pub fn number(&mut self) -> i64 {
        let form = self.byte();
        let width = usize::from(form & 7) + 1;
        let mut bytes = [0; 8];
        for (into, from) in bytes.iter_mut().zip(self.take(width)) {
            *into = *from;
        }
        let value = i64::from_le_bytes(bytes);
        match form >> 3 & 3 {
            0 => value,
            1 => value.wrapping_neg(),
            2 => 1i64.wrapping_shl(value as u32).wrapping_sub(1),
            _ => (-1i64).wrapping_shl(value as u32).wrapping_add(value >> 7 & 1),
        }
    }
}
