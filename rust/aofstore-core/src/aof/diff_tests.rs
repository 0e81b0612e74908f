//! The difference against what the log itself was given (P-03, G-15).

use super::*;
use crate::aof::Outlet;
use crate::aof::log::tests::Rig;
use crate::aof::{Policy, Status};
use crate::fs::fault::{Call, Fault};

fn drained(outlet: &mut Outlet) -> Vec<u8> {
    let mut all = Vec::new();
    while let n @ 1.. = outlet.front().unwrap().len() {
        all.extend_from_slice(outlet.front().unwrap());
        outlet.advance(n);
    }
    all
}

fn started(rig: &Rig) -> Outlet {
    let diff = Diff::new(Arc::clone(&rig.events));
    rig.log.hold().begin_difference(Arc::clone(&diff));
    Outlet::new(diff, None)
}

#[test]
fn p03_the_difference_is_what_the_log_was_given_and_begins_with_a_select() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("before").unwrap();
    let begin = rig.content().len();
    let mut outlet = started(&rig);
    let end = rig.log.feed(|feed| {
        feed.multi();
        feed.command(3, [b"SET", b"a".as_slice(), b"1"]);
        feed.command(3, [b"SET", b"b".as_slice(), b"2"]);
    });
    rig.log.finish(end).unwrap();
    rig.set("c").unwrap();
    assert_eq!(outlet.diff().pending(), (rig.content().len() - begin) as u64);
    let difference = drained(&mut outlet);
    assert_eq!(difference, rig.content()[begin..]);
    assert!(difference.starts_with(b"*1\r\n$5\r\nMULTI\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"));
    assert_eq!(outlet.diff().pending(), 0);
    rig.log.end_difference();
    rig.set("after").unwrap();
    assert_eq!(drained(&mut outlet), b"");
}

#[test]
fn g15_the_first_record_brings_its_select_though_the_log_has_one() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("x").unwrap();
    let mut outlet = started(&rig);
    rig.set("a").unwrap();
    assert_eq!(drained(&mut outlet), Rig::expected(&["a"]));
}

#[test]
fn a_latched_log_still_feeds_the_difference() {
    let rig = Rig::new(Policy::Everysec);
    let mut outlet = started(&rig);
    rig.plan.add(Fault::on(Call::Write, libc::EIO));
    assert!(rig.set("a").is_err());
    assert!(matches!(rig.log.status(), Status::Latched { .. }));
    rig.feed("b");
    let mut expected = Rig::expected(&["a"]);
    expected.extend_from_slice(&Rig::expected(&["b"]));
    assert_eq!(drained(&mut outlet), expected);
}

#[test]
fn without_a_log_the_difference_is_fed_alone() {
    let rig = Rig::new(Policy::Everysec);
    let diff = Diff::new(Arc::clone(&rig.events));
    let mut outlet = Outlet::new(Arc::clone(&diff), None);
    for key in ["a", "b"] {
        diff.feed(None, |feed| feed.command(0, [b"SET", key.as_bytes(), b"v"]));
    }
    assert_eq!(drained(&mut outlet), Rig::expected(&["a", "b"]));
}

#[test]
fn p01_blocks_are_bounded_and_taken_in_any_pieces() {
    let events = Events::new(64);
    let diff = Diff::new(Arc::clone(&events));
    let piece: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
    for _ in 0..40 {
        diff.append(&piece);
    }
    assert_eq!(diff.pending(), 40 * piece.len() as u64);
    assert!(lock(&diff.queue).blocks.iter().all(|block| block.len() <= BLOCK));
    // P-02
    let texts: Vec<_> = events.drain().into_iter().map(|record| record.text).collect();
    assert_eq!(texts, ["the buffer of the running rewrite has 81 MB"]);
    let mut outlet = Outlet::new(Arc::clone(&diff), None);
    let mut all = Vec::new();
    let mut rng = fastrand::Rng::with_seed(7);
    while !outlet.front().unwrap().is_empty() {
        let n = rng.usize(1..=outlet.front().unwrap().len());
        all.extend_from_slice(&outlet.front().unwrap()[..n]);
        outlet.advance(n);
        if rng.u8(..) < 8 && all.len() < 100 << 20 {
            diff.append(b"");
        }
    }
    assert!(all.chunks(piece.len()).all(|chunk| chunk == piece));
    assert_eq!((all.len(), diff.pending(), diff.most()), (40 * piece.len(), 0, all.len() as u64));
}

#[test]
fn a_record_larger_than_a_block_has_one_of_its_own() {
    let diff = Diff::new(Events::new(8));
    diff.append(b"small");
    diff.append(&vec![7; BLOCK + 1]);
    diff.append(b"small");
    assert_eq!(lock(&diff.queue).blocks.len(), 3);
}

#[test]
fn what_lost_a_byte_keeps_none() {
    let diff = Diff::new(Events::new(8));
    diff.append(b"some");
    diff.spoil();
    diff.append(b"more");
    assert!(diff.is_spoilt());
    assert!(Outlet::new(diff, None).front().unwrap().is_empty());
}
