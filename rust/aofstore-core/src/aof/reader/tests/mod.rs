mod comments;
mod damage;
mod window;

use super::*;
use crate::aof::{AHEAD, Seekable};
use crate::error::{Error, LoadKind};
use crate::resp::decode::MAX_BULK;
use std::io::{self, Cursor};

fn known(name: &[u8], argc: usize) -> bool {
    match name {
        b"SELECT" => argc == 2,
        b"MULTI" | b"EXEC" => argc == 1,
        b"SET" | b"RPUSH" => argc >= 3,
        _ => false,
    }
}

type Argv = Vec<Vec<u8>>;

fn argv<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args.iter().map(AsRef::as_ref) {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn joined(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

/// Gives 1 to `most` bytes at once and counts them.
struct Pieces {
    data: Vec<u8>,
    most: usize,
    random: fastrand::Rng,
}

impl Source for Pieces {
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let data = self.data.get(offset as usize..).unwrap_or_default();
        let count = self.random.usize(1..=self.most).min(data.len()).min(into.len());
        into[..count].copy_from_slice(&data[..count]);
        Ok(count)
    }
}

fn reader(data: &[u8]) -> Reader {
    let source = Box::new(Seekable(Cursor::new(data.to_vec())));
    Reader::new(source, 0, data.len() as u64, Path::new("a.aof"), MAX_BULK, known)
}

/// The same through a source that gives 1 to `most` bytes at once.
fn in_pieces(data: &[u8], most: usize, random: fastrand::Rng) -> Reader {
    let source = Box::new(Pieces { data: data.to_vec(), most, random });
    Reader::new(source, 0, data.len() as u64, Path::new("a.aof"), MAX_BULK, known)
}

/// Reads to the end as the loader does: MULTI blocks are taken whole or not at all.
fn load(reader: &mut Reader) -> (Vec<Argv>, Result<Next>) {
    let (mut done, mut open, mut in_multi) = (Vec::new(), Vec::new(), false);
    let end = loop {
        match reader.next() {
            Ok(Next::Command) => {}
            end => break end,
        }
        let args: Argv = (0..reader.argc()).map(|index| reader.arg(index).to_vec()).collect();
        match &args[0][..] {
            b"MULTI" => in_multi = true,
            b"EXEC" => {
                done.append(&mut open);
                in_multi = false;
            }
            _ if in_multi => open.push(args),
            _ => done.push(args),
        }
        if !in_multi {
            reader.mark_valid();
        }
    };
    (done, end)
}

fn sample() -> Vec<Vec<u8>> {
    let mut push: Argv = vec![b"RPUSH".to_vec(), b"l".to_vec()];
    push.extend((0..12).map(|index| index.to_string().into_bytes()));
    vec![
        argv(&["SELECT", "0"]),
        argv(&["SET", "k", "\r\n*3\r\n$1\r\n"]),
        argv(&["SET", "", ""]),
        joined(&[argv(&["MULTI"]), argv(&push), argv(&["EXEC"])]),
        argv(&[b"SET".to_vec(), b"long".to_vec(), vec![b'v'; 300]]),
    ]
}

fn kind_and_offset(end: &Result<Next>) -> Option<(LoadKind, u64)> {
    match end {
        Err(Error::Load { kind, offset, .. }) => Some((*kind, *offset)),
        _ => None,
    }
}

#[test]
fn t02_a_file_cut_at_every_byte_is_torn_or_whole() {
    let parts = sample();
    let file = joined(&parts);
    let ends: Vec<u64> = parts
        .iter()
        .scan(0, |sum, part| {
            Some({
                *sum += part.len() as u64;
                *sum
            })
        })
        .collect();
    let full = load(&mut reader(&file)).0;
    for cut in 0..=file.len() {
        let mut reader = reader(&file[..cut]);
        let (done, end) = load(&mut reader);
        let whole = ends.iter().filter(|&&end| end <= cut as u64).count();
        let valid = if whole == 0 { 0 } else { ends[whole - 1] };
        assert_eq!(done, full[..whole], "cut at {cut}");
        assert_eq!(reader.valid_to(), valid, "cut at {cut}");
        match end {
            Ok(Next::End) => assert_eq!(reader.offset(), cut as u64),
            Ok(Next::Torn { valid_to, tear: Tear::Command }) => assert_eq!(valid_to, valid),
            other => panic!("cut at {cut}: {other:?}"),
        }
        if valid == cut as u64 {
            assert_eq!(end, Ok(Next::End));
        }
    }
}

#[test]
fn l30_the_error_of_a_torn_file_names_the_cut() {
    let file = [&argv(&["SET", "a", "1"])[..], b"*3\r\n"].concat();
    let mut reader = reader(&file);
    load(&mut reader).1.unwrap();
    let Error::Load { kind, offset, message, .. } = reader.truncated() else { panic!("another error") };
    assert_eq!((kind, offset), (LoadKind::Truncated, 27));
    assert!(message.contains("last 4 bytes"), "{message}");
}

#[test]
fn commands_are_seen_before_their_turn_as_they_are_then() {
    let file = [sample().concat(), b"# a remark\r\n".to_vec(), sample().concat().repeat(9)].concat();
    for most in [1, 7, 1 << 20] {
        let mut reader = in_pieces(&file, most, fastrand::Rng::with_seed(3));
        let (mut seen, mut most_seen) = (Vec::new(), 0);
        while reader.next() == Ok(Next::Command) {
            if reader.turn() == 0 {
                assert!(seen.is_empty(), "some did not come");
                let told = |command: Command<'_>| {
                    (0..command.argc()).map(|at| command.arg(at).to_vec()).collect::<Argv>()
                };
                seen = reader.together().map(told).collect();
                assert!((1..=AHEAD).contains(&seen.len()));
                most_seen = most_seen.max(seen.len());
                seen.reverse();
            }
            let own: Argv = reader.args().map(<[u8]>::to_vec).collect();
            assert_eq!(seen.pop(), Some(own));
        }
        assert!(seen.is_empty() && (most < 1 << 20 || most_seen == AHEAD));
    }
}
