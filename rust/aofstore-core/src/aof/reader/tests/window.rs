//! What a reader holds of a file, and how the bytes come.

use super::*;
use crate::aof::reader::window::{BLOCK, LARGE};

#[test]
fn hostile_lengths_allocate_nothing() {
    for (text, torn) in [
        ("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc", true),
        ("*1048576\r\n$1\r\na\r\n", true),
        ("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9000000000000000000\r\nabc", false),
        ("*9000000000000000000\r\n", false),
    ] {
        let mut reader = reader(text.as_bytes());
        let (_, end) = load(&mut reader);
        assert_eq!(end.is_ok(), torn, "{end:?}");
        assert!(reader.memory() <= text.len());
    }
    // A large file does not make it read on for a length that cannot be right.
    let mut file = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n".to_vec();
    file.resize(8 << 20, b'v');
    let mut reader = reader(&file);
    assert!(matches!(load(&mut reader).1, Ok(Next::Torn { valid_to: 0, .. })));
    assert!(reader.memory() <= BLOCK);
}

#[test]
fn long_values_cross_the_window_and_leave_it() {
    let value = |seed: usize, size: usize| (0..size).map(|n| (n * 31 + seed) as u8).collect::<Vec<u8>>();
    let commands: Vec<Argv> = [5 << 20, 1, BLOCK, BLOCK - 40, 24 << 20, 10, 3 << 20]
        .iter()
        .enumerate()
        .map(|(seed, &size)| vec![b"SET".to_vec(), b"k".to_vec(), value(seed, size)])
        .collect();
    let mut file = joined(&commands.iter().map(|command| argv(command)).collect::<Vec<_>>());
    file.extend_from_slice(&argv(&["SET", "last", "1"]).repeat(60_000));
    for most in [70_000, 1 << 30] {
        let mut reader = in_pieces(&file, most, fastrand::Rng::with_seed(2));
        for command in &commands {
            assert_eq!(reader.next(), Ok(Next::Command));
            let args = reader.argv();
            assert!(args.iter().zip(command).all(|(got, want)| got == want), "a value came back changed");
        }
        assert!(reader.memory() <= 52 << 20);
        assert_eq!(load(&mut reader).0.len(), 60_000);
        assert!(reader.memory() <= LARGE + BLOCK);
    }
}

#[test]
fn random_pieces_change_nothing() {
    let file = joined(&sample()).repeat(20);
    let want = load(&mut reader(&file));
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let cut = random.usize(0..=file.len());
        let data = file[..cut].to_vec();
        let plain = load(&mut reader(&data));
        let most = [1, 2, 7, 100][random.usize(0..4)];
        let mut reader = in_pieces(&data, most, random);
        assert_eq!(load(&mut reader), plain);
        assert_eq!(plain.0, want.0[..plain.0.len()]);
    }
}

#[test]
fn offsets_start_behind_a_snapshot_and_end_at_the_given_length() {
    let (first, second) = (argv(&["SET", "a", "1"]), argv(&["SET", "b", "2"]));
    let file = [b"REDIS0010", &first[..], &second, b"*1\r\n"].concat();
    let total = (9 + first.len() + second.len()) as u64;
    let mut reader =
        Reader::new(Box::new(Seekable(Cursor::new(file))), 9, total, Path::new("a"), MAX_BULK, known);
    assert_eq!(reader.valid_to(), 9);
    assert_eq!(reader.next(), Ok(Next::Command));
    assert_eq!((reader.command_start(), reader.offset()), (9, 9 + first.len() as u64));
    assert_eq!((reader.argc(), reader.arg(1), reader.arg(3)), (3, &b"a"[..], &b""[..]));
    assert_eq!(reader.next(), Ok(Next::Command));
    assert_eq!(reader.next(), Ok(Next::End));
    assert_eq!((reader.offset(), reader.argc()), (total, 0));
}

struct Broken(io::ErrorKind);

impl Source for Broken {
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let data = argv(&["SET", "a", "1"]);
        match data.get(offset as usize..) {
            Some(rest) if !rest.is_empty() => {
                into[..rest.len()].copy_from_slice(rest);
                Ok(rest.len())
            }
            _ if self.0 == io::ErrorKind::UnexpectedEof => Ok(0),
            _ => Err(self.0.into()),
        }
    }
}

#[test]
fn l31_a_read_error_and_a_shrinking_file_are_io() {
    for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::UnexpectedEof] {
        let mut reader = Reader::new(Box::new(Broken(kind)), 0, 100, Path::new("a"), MAX_BULK, known);
        let (done, end) = load(&mut reader);
        assert_eq!(done.len(), 1);
        assert_eq!(kind_and_offset(&end), Some((LoadKind::Io, 27)), "{end:?}");
    }
}
