//! Putting back what a blocking pop took for a caller who can no longer receive it: an exception of a signal handler
//! is on its way to them.

use super::blocking::Waiter;
use super::core::Engine;
use super::session::Session;
use crate::command::{Argv, Node, Reply, is_word};
use crate::error::Result;
use crate::num;

impl Engine {
    /// Puts the elements of `reply` back at the end that `argv` took them from, as an ordinary, logged write. False
    /// if there was nothing to put back, or no place for it any more; the reply is then all there is of it.
    pub fn give_back(&self, waiter: &Waiter, argv: &[&[u8]], reply: &Reply) -> Result<bool> {
        let Some(undo) = undoing(argv, reply) else { return Ok(false) };
        let undo: Vec<&[u8]> = undo.iter().collect();
        let done = self.execute(&mut Session::view(waiter.db()), &undo, &mut Reply::new())?;
        if let Some(due) = &done.due {
            due.settle()?;
        }
        Ok(done.outcome.is_ok())
    }
}

/// The write that undoes a pop: its reply is the key, then elements or members with their scores.
fn undoing(argv: &[&[u8]], reply: &Reply) -> Option<Argv> {
    let name = argv.first()?;
    let mut values = reply.nodes().iter().filter_map(|node| match node {
        Node::Bulk(start, len) | Node::Binary(start, len) => Some(reply.slice(*start, *len).to_vec()),
        Node::Double(score) => Some(num::fmt_f64_shortest(*score, &mut num::Buf::new()).to_vec()),
        _ => None,
    });
    if !matches!(reply.nodes(), [Node::Array(2 | 3), _, _, ..]) {
        return None;
    }
    let key = values.next()?;
    let mut taken: Vec<Vec<u8>> = values.collect();
    // Backwards: the last that was taken goes back first, and a score stands before its member.
    taken.reverse();
    let write: &[u8] = if ["BZPOPMIN", "BZPOPMAX", "BZMPOP"].iter().any(|pop| is_word(name, pop)) {
        b"ZADD"
    } else if is_word(name, "BLPOP") || (is_word(name, "BLMPOP") && takes_left(argv)?) {
        b"LPUSH"
    } else if is_word(name, "BRPOP") || is_word(name, "BLMPOP") {
        b"RPUSH"
    } else {
        // A move put its element into another list already.
        return None;
    };
    let mut undo = Argv::of(&[write, &key]);
    for value in &taken {
        undo.push(value);
    }
    Some(undo)
}

/// BLMPOP timeout numkeys key … LEFT|RIGHT
fn takes_left(argv: &[&[u8]]) -> Option<bool> {
    let keys = usize::try_from(num::parse_i64(argv.get(2)?)?).ok()?;
    Some(is_word(argv.get(keys.checked_add(3)?)?, "LEFT"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::transcripts::{render, split};
    use crate::engine::{Settings, Slot};

    #[test]
    fn what_a_waiter_was_served_goes_back_where_it_came_from() {
        for (wait, fill, look) in [
            ("BLPOP k 0", "RPUSH k a b c", "LRANGE k 0 -1"),
            ("BRPOP none k 0", "RPUSH k a b c", "LRANGE k 0 -1"),
            ("BLMPOP 0 1 k LEFT COUNT 2", "RPUSH k a b c", "LRANGE k 0 -1"),
            ("BLMPOP 0 2 x k RIGHT COUNT 9", "RPUSH k a b c", "LRANGE k 0 -1"),
            ("BZPOPMIN k 0", "ZADD k 1.5 a -inf b 3e300 c", "ZRANGE k 0 -1 WITHSCORES"),
            ("BZPOPMAX k 0", "ZADD k 1.5 a -inf b 3e300 c", "ZRANGE k 0 -1 WITHSCORES"),
            ("BZMPOP 0 1 k MIN COUNT 2", "ZADD k 1.5 a -inf b 3e300 c", "ZRANGE k 0 -1 WITHSCORES"),
        ] {
            let engine = Engine::new(Settings::default());
            let mut session = Session::view(3);
            let mut told = |line: &str| {
                let words = split(line);
                let argv: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                let mut reply = Reply::new();
                let done = engine.execute(&mut session, &argv, &mut reply).unwrap();
                (render(&reply), done.waiter)
            };
            told(fill);
            let whole = told(look).0;
            told("DEL k");
            let waiter = told(wait).1.unwrap();
            told(fill);
            assert_ne!(told(look).0, whole);
            let Slot::Served { reply, .. } = engine.leave(&waiter) else { panic!("{wait} was not served") };
            let words = split(wait);
            let argv: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            assert!(engine.give_back(&waiter, &argv, &reply).unwrap());
            assert_eq!(told(look).0, whole, "{wait}");
        }
    }

    #[test]
    fn what_cannot_go_back_is_said_to_be_so() {
        let engine = Engine::new(Settings::default());
        let mut session = Session::view(0);
        let pop = [b"BLPOP".as_slice(), b"k", b"0"];
        let waiter = engine.execute(&mut session, &pop, &mut Reply::new()).unwrap().waiter.unwrap();
        for line in [[b"RPUSH".as_slice(), b"k", b"v"], [b"SET", b"k", b"text"]] {
            engine.execute(&mut session, &line, &mut Reply::new()).unwrap();
        }
        let Slot::Served { reply, .. } = engine.leave(&waiter) else { panic!("it was not served") };
        assert!(!engine.give_back(&waiter, &pop, &reply).unwrap());
        let mut moved = Reply::new();
        moved.bulk(b"v");
        assert!(
            !engine.give_back(&waiter, &[b"BLMOVE", b"a", b"b", b"LEFT", b"LEFT", b"0"], &moved).unwrap()
        );
    }
}
