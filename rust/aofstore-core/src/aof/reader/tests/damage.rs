//! Damage is told apart from a torn end, at its place.

use super::*;

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
fn a_wrong_last_byte_is_damage_however_it_arrives() {
    let file = b"*2\r\n$3\r\nDEL8".to_vec();
    for most in [1, 3, file.len()] {
        let mut reader = in_pieces(&file, most, fastrand::Rng::with_seed(1));
        assert_eq!(kind_and_offset(&load(&mut reader).1), Some((LoadKind::Format, 11)), "{most} at once");
    }
}
