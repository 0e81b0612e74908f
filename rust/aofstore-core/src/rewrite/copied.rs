//! How much memory a fork has made the system copy: what the child's own table of mappings calls private and dirty.
//!
//! For the child, so it allocates nothing: the table passes through a buffer on the stack. 0 where there is none.

#[cfg(target_os = "linux")]
use rustix::io::{read, retry_on_intr};

/// Pages that this process or its parent changed since the fork (G-09).
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "a table of the kernel's, no byte of a store")]
pub(super) fn bytes() -> u64 {
    use rustix::fs::{Mode, OFlags, open};
    let rollup = open(c"/proc/self/smaps_rollup", OFlags::RDONLY, Mode::empty());
    // The sum of all mappings exists since Linux 4.14; before, each says its own.
    let table = rollup.or_else(|_| open(c"/proc/self/smaps", OFlags::RDONLY, Mode::empty()));
    table.map_or(0, |table| {
        let kilobytes = sum(|into| retry_on_intr(|| read(&table, &mut *into)).unwrap_or(0));
        kilobytes * 1024
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn bytes() -> u64 {
    0
}

/// Adds the numbers of all lines `Private_Dirty:   123 kB` of what `next` gives piece by piece.
#[cfg(any(target_os = "linux", test))]
fn sum(mut next: impl FnMut(&mut [u8]) -> usize) -> u64 {
    const LABEL: &[u8] = b"Private_Dirty:";
    let mut piece = [0; 4096];
    let (mut total, mut number) = (0_u64, 0_u64);
    // How far the line matches the label; None in a line that does not.
    let mut matched = Some(0);
    loop {
        let filled = next(&mut piece);
        if filled == 0 {
            return total;
        }
        for &byte in piece.iter().take(filled) {
            matched = match matched {
                _ if byte == b'\n' => {
                    total = total.saturating_add(std::mem::take(&mut number));
                    Some(0)
                }
                Some(at) if at == LABEL.len() => {
                    if byte.is_ascii_digit() {
                        number = number.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
                    }
                    Some(at)
                }
                Some(at) if LABEL.get(at) == Some(&byte) => Some(at + 1),
                _ => None,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summed(table: &str, piece: usize) -> u64 {
        let mut rest = table.as_bytes();
        sum(|into| {
            let taken = rest.len().min(piece).min(into.len());
            into[..taken].copy_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            taken
        })
    }

    #[test]
    fn every_mapping_counts_however_the_table_is_cut() {
        let table = "55d-55e r--p 00000000 00:1 7 /bin/Private_Dirty: 9\nRss:  4 kB\nPrivate_Clean: 3 kB\n\
                     Private_Dirty:        12 kB\nLocked: 0 kB\nPrivate_Dirty:    1024 kB\nPrivate_Dirty_: 5\n";
        for piece in 1..=table.len() {
            assert_eq!(summed(table, piece), 1036);
        }
        assert_eq!(summed("", 1), 0);
        assert_eq!(summed("Private_Dirty: 7 kB", 100), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_has_changed_some_of_its_memory() {
        let counted = bytes();
        assert!(counted >= 4096 && counted.is_multiple_of(1024), "{counted}");
    }
}
