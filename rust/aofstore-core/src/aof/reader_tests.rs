use std::io::Cursor;

use super::super::{AHEAD, Seekable};
use super::*;
use crate::resp::decode::MAX_BULK;

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
fn t03_damage_has_its_kind_and_offset() {
    let head = argv(&["SELECT", "0"]);
    let tail = joined(&[argv(&["SET", "a", "1"]), argv(&["SET", "b", "2"])]);
    let at = head.len() as u64;
    for (middle, offset) in [
        ("x3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", 0),
        ("*3\r\n!3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", 4),
        ("*3\r\n$3\r\nSETZ\n$1\r\nk\r\n$1\r\nv\r\n", 11),
        ("*3\r\n$3\r\nSET\rZ$1\r\nk\r\n$1\r\nv\r\n", 12),
        ("*0\r\n$3\r\nSET\r\n", 1),
        ("*-1\r\n", 1),
        ("*1\r\n$-5\r\n", 5),
        ("*1\r\n$99999999999\r\n", 5),
        ("*1\r\n$9000000000000000000\r\n", 5),
        ("*2\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", 20),
        ("*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", 27),
        ("*3\r\n#x\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", 4),
        (" #x\r\n", 0),
        ("\r\n", 0),
        ("*01\r\n$4\r\nEXEC\r\n", 1),
        ("*1junk\r\n$4\r\nEXEC\r\n", 2),
        ("*1\r\n$ 4\r\nEXEC\r\n", 5),
        ("*1\n$4\nEXEC\n", 2),
    ] {
        let file = [&head[..], middle.as_bytes(), &tail].concat();
        let mut reader = reader(&file);
        let (done, end) = load(&mut reader);
        assert_eq!(kind_and_offset(&end), Some((LoadKind::Format, at + offset)), "{middle:?} {end:?}");
        // A count that is too small makes a shorter command of the first arguments.
        let shorter = middle.starts_with("*2");
        assert_eq!((done.len(), reader.valid_to()), if shorter { (2, at + 20) } else { (1, at) });
        assert_eq!(reader.next(), end, "the same is told again");
        let Err(Error::Load { message, .. }) = end else { continue };
        assert!(message.contains("a.aof at offset ") && message.contains("aofstore check"), "{message}");
    }
}

#[test]
fn defect4_a_damaged_length_does_not_hide_the_commands_behind_it() {
    let commands: Vec<Vec<u8>> = (0..1000).map(|n| argv(&["SET", &format!("key:{n}"), "value"])).collect();
    let at: usize = commands[..10].iter().map(Vec::len).sum();
    for (from, to) in [("$6\r\nkey:10", "$999999\r\nkey:10"), ("$5\r\nvalue", "$455555555\r\nvalue")] {
        let mut file = joined(&commands[..10]);
        file.extend_from_slice(String::from_utf8(commands[10].clone()).unwrap().replace(from, to).as_bytes());
        file.extend_from_slice(&joined(&commands[11..]));
        for end in ["", "#TS:1700000000\r\n#x\n", &"\0".repeat(100_000)] {
            let mut file = file.clone();
            file.extend_from_slice(end.as_bytes());
            let mut reader = reader(&file);
            let (done, end) = load(&mut reader);
            assert_eq!(done.len(), 10);
            assert_eq!(kind_and_offset(&end), Some((LoadKind::Format, at as u64)), "{end:?}");
            assert!(reader.memory() <= file.len());
        }
        // What follows ends in a torn command itself: nothing proves damage.
        file.pop();
        assert!(
            matches!(load(&mut reader(&file)).1, Ok(Next::Torn { valid_to, .. }) if valid_to == at as u64)
        );
    }
}

#[test]
fn an_unknown_or_misfit_command_proves_nothing() {
    for inside in
        [argv(&["NOPE", "1"]), argv(&["SELECT", "1", "2"]), argv(&["SET", "a"]), b"x*1\r\n".to_vec()]
    {
        let file = [b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4000\r\nab\r\n", &inside[..]].concat();
        assert_eq!(load(&mut reader(&file)).1, Ok(Next::Torn { valid_to: 0, tear: Tear::Command }));
    }
    // Not at the start of a line, so no writer put it there.
    let file = [&b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4000\r\nab"[..], &argv(&["EXEC"])].concat();
    assert_eq!(load(&mut reader(&file)).1, Ok(Next::Torn { valid_to: 0, tear: Tear::Command }));
}

#[test]
fn a_hidden_command_is_found_across_blocks() {
    for filler in [65_500, 65_534, 65_535, 65_536, 65_537, 131_072, 200_000] {
        for value in [1, 70_000, 300_000] {
            let mut file = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\n".to_vec();
            file.extend_from_slice(&vec![b'*'; filler]);
            file.extend_from_slice(b"\r\n");
            file.extend_from_slice(&argv(&[b"SET".to_vec(), b"a".to_vec(), vec![b'x'; value]]));
            let (_, end) = load(&mut reader(&file));
            assert_eq!(kind_and_offset(&end), Some((LoadKind::Format, 0)), "{filler} {value}");
        }
    }
}

#[test]
fn a_hostile_rest_is_given_up_on_not_searched_forever() {
    // Every argument holds the start of a command that takes the 9999 arguments behind it.
    let mut file = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\n".to_vec();
    file.extend_from_slice(&b"$15\r\n\n*9999\r\n$3\r\nSET\r\n".repeat(140_000));
    file.extend_from_slice(b"y\r\n");
    let started = std::time::Instant::now();
    let (_, end) = load(&mut reader(&file));
    assert_eq!(kind_and_offset(&end), Some((LoadKind::Format, 0)));
    assert!(format!("{end:?}").contains("too much behind it"), "{end:?}");
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn l39_a_rest_of_zeros_is_torn_wherever_it_begins() {
    let head = argv(&["SELECT", "0"]);
    let record = argv(&["SET", "key", "a longer value"]);
    for from in 0..=record.len() {
        for zeros in [1, 7, 5000, 3 << 20] {
            let mut file = [&head[..], &record[..from]].concat();
            file.resize(file.len() + zeros, 0);
            let mut reader = reader(&file);
            let (_, end) = load(&mut reader);
            let valid = if from == record.len() { file.len() - zeros } else { head.len() } as u64;
            assert!(
                matches!(end, Ok(Next::Torn { valid_to, .. }) if valid_to == valid),
                "{from} {zeros} {end:?}"
            );
            file.push(b'x');
            let (_, end) = load(&mut self::reader(&file));
            let short = from > 0 && from < record.len() && zeros < 5000;
            assert!(
                short
                    || kind_and_offset(&end)
                        .is_some_and(|(kind, at)| kind == LoadKind::Format && at >= valid)
            );
        }
    }
    let file = [&head[..], &[0; 40], &record].concat();
    let (_, end) = load(&mut reader(&file));
    assert_eq!(kind_and_offset(&end), Some((LoadKind::Format, head.len() as u64)));
    assert!(format!("{end:?}").contains("followed by other bytes at offset 63"), "{end:?}");
}

#[test]
fn comments_stand_between_commands_and_may_be_torn() {
    let set = argv(&["SET", "a", "1"]);
    let long = |size: usize| [&b"#"[..], &vec![b'x'; size - 2], b"\n"].concat();
    let file = joined(&[
        b"#TS:1700000000\r\n#\n".to_vec(),
        set.clone(),
        long(1023),
        argv(&["MULTI"]),
        b"#in \0\r\xff\n".to_vec(),
        set.clone(),
        argv(&["EXEC"]),
        b"#end\r\n".to_vec(),
    ]);
    for most in [1, 3, 4096] {
        let source = Box::new(Pieces { data: file.clone(), most, random: fastrand::Rng::with_seed(1) });
        let mut reader = Reader::new(source, 0, file.len() as u64, Path::new("a"), MAX_BULK, known);
        let (done, end) = load(&mut reader);
        assert_eq!((done.len(), end), (2, Ok(Next::End)));
    }
    assert_eq!(load(&mut reader(b"#only\n")).1, Ok(Next::End));
    for torn in [&b"#"[..], b"#TS:17", b"#TS:17\r"] {
        let file = [&set[..], torn].concat();
        let want = Next::Torn { valid_to: set.len() as u64, tear: Tear::Comment };
        assert_eq!(load(&mut reader(&file)).1, Ok(want));
    }
    let file = [&set[..], b"#TS:17", &[0; 4000]].concat();
    let want = Next::Torn { valid_to: set.len() as u64, tear: Tear::Zeros };
    assert_eq!(load(&mut reader(&file)).1, Ok(want));
    for size in [1024, 1025, 5000] {
        let file = [&set[..], &long(size), &set].concat();
        let (_, end) = load(&mut reader(&file));
        assert_eq!(kind_and_offset(&end), Some((LoadKind::Format, set.len() as u64 + 1023)), "{size}");
    }
}

#[test]
fn a_longer_hash_line_is_taken_where_servers_take_it() {
    let set = argv(&["SET", "a", "1"]);
    let mut line = vec![b'x'; 2100];
    for at in [0, 1023, 2046] {
        line[at] = b'#';
    }
    line.push(b'\n');
    let file = [&set[..], &line, &set].concat();
    for most in [1, 3, 4096] {
        let source = Box::new(Pieces { data: file.clone(), most, random: fastrand::Rng::with_seed(1) });
        let mut reader = Reader::new(source, 0, file.len() as u64, Path::new("a"), MAX_BULK, known);
        let (done, end) = load(&mut reader);
        assert_eq!((done.len(), end), (2, Ok(Next::End)));
    }
    // The same behind a record whose length is damaged: what follows is seen to be whole.
    let file = [b"*1\r\n$9999\r\n".as_slice(), &set, &set, &line].concat();
    assert_eq!(kind_and_offset(&load(&mut reader(&file)).1), Some((LoadKind::Format, 0)));
    for cut in 1..line.len() {
        let file = [&set[..], &line[..cut]].concat();
        let want = Next::Torn { valid_to: set.len() as u64, tear: Tear::Comment };
        assert_eq!(load(&mut reader(&file)).1, Ok(want), "{cut}");
    }
}

#[test]
fn reading_stops_at_the_first_time_that_is_later() {
    let set = argv(&["SET", "a", "1"]);
    let at = |second: i64| format!("#TS:{second}\r\n").into_bytes();
    let file = joined(&[at(5), set.clone(), at(3), set.clone(), at(7), set.clone(), at(6), set.clone()]);
    let until = |micros| reader(&file).stop_after(Some(micros));
    let later = |second, leading| Ok(Next::Later { second, leading });
    for (micros, commands, end) in [
        (4_999_999, 0, later(5, Leading::Log)),
        (5_000_000, 2, later(7, Leading::No)),
        (6_999_999, 2, later(7, Leading::No)),
        (7_000_000, 4, Ok(Next::End)),
        (i64::MIN, 0, later(5, Leading::Log)),
    ] {
        let (done, ended) = load(&mut until(micros));
        assert_eq!((done.len(), ended), (commands, end), "{micros}");
    }
}

#[test]
fn a_time_at_the_head_of_a_dump_is_told_apart() {
    let set = argv(&["SET", "a", "1"]);
    let dump = [&b"#TS:5\r\n#BASE\r\n"[..], &set].concat();
    for most in [1, 4096] {
        let source = Box::new(Pieces { data: dump.clone(), most, random: fastrand::Rng::with_seed(1) });
        let reader = Reader::new(source, 0, dump.len() as u64, Path::new("a"), MAX_BULK, known);
        let (_, end) = load(&mut reader.stop_after(Some(4_000_000)));
        assert_eq!(end, Ok(Next::Later { second: 5, leading: Leading::Dump }));
    }
    let short = b"#TS:5\r\n";
    let end = load(&mut reader(short).stop_after(Some(0))).1;
    assert_eq!(end, Ok(Next::Later { second: 5, leading: Leading::Log }));
}

#[test]
fn a_time_that_cannot_be_read_matters_only_when_times_do() {
    let set = argv(&["SET", "a", "1"]);
    let file = [&set[..], b"#TS:1.5\r\n", &set].concat();
    assert_eq!(load(&mut reader(&file)).1, Ok(Next::End));
    let end = load(&mut reader(&file).stop_after(Some(0))).1;
    assert_eq!(kind_and_offset(&end), Some((LoadKind::Format, set.len() as u64)));
}

#[test]
fn every_flipped_bit_ends_without_harm() {
    let parts = joined(&sample());
    for bit in 0..parts.len() * 8 {
        let mut file = parts.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        let mut reader = reader(&file);
        let (done, _) = load(&mut reader);
        assert!(done.len() <= 8);
        assert!(reader.memory() <= file.len(), "{} bytes for bit {bit}", reader.memory());
    }
}

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
        let source = Box::new(Pieces { data: file.clone(), most, random: fastrand::Rng::with_seed(2) });
        let mut reader = Reader::new(source, 0, file.len() as u64, Path::new("a"), MAX_BULK, known);
        for command in &commands {
            assert_eq!(reader.next(), Ok(Next::Command));
            let args = reader.argv();
            assert!(args.iter().zip(command).all(|(got, want)| got == want), "a value came back changed");
        }
        assert!(reader.memory() <= 52 << 20);
        assert_eq!(load(&mut reader).0.len(), 60_000);
        assert!(reader.memory() <= LARGE_WINDOW + BLOCK);
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
        let source = Box::new(Pieces { data, most, random });
        let mut reader = Reader::new(source, 0, cut as u64, Path::new("a"), MAX_BULK, known);
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
fn a_wrong_last_byte_is_damage_however_it_arrives() {
    let file = b"*2\r\n$3\r\nDEL8".to_vec();
    for most in [1, 3, file.len()] {
        let source = Box::new(Pieces { data: file.clone(), most, random: fastrand::Rng::with_seed(1) });
        let mut reader = Reader::new(source, 0, file.len() as u64, Path::new("a.aof"), MAX_BULK, known);
        assert_eq!(kind_and_offset(&load(&mut reader).1), Some((LoadKind::Format, 11)), "{most} at once");
    }
}

#[test]
fn commands_are_seen_before_their_turn_as_they_are_then() {
    let file = [sample().concat(), b"# a remark\r\n".to_vec(), sample().concat().repeat(9)].concat();
    for most in [1, 7, 1 << 20] {
        let source = Box::new(Pieces { data: file.clone(), most, random: fastrand::Rng::with_seed(3) });
        let mut reader = Reader::new(source, 0, file.len() as u64, Path::new("a.aof"), MAX_BULK, known);
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
