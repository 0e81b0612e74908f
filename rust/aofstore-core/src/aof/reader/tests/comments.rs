//! `#` lines, and the times in them.

use super::*;

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
        let mut reader = in_pieces(&file, most, fastrand::Rng::with_seed(1));
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
        let mut reader = in_pieces(&file, most, fastrand::Rng::with_seed(1));
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
        let reader = in_pieces(&dump, most, fastrand::Rng::with_seed(1));
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
