//! Sorted sets: add, read, walk ranges, remove, pop, combine.
//!
//! One file a theme; `bounds` reads the ends of ranges for all of them. Only [`COMMANDS`] leaves this directory.

mod add;
mod bounds;
mod combine;
mod pop;
mod random;
mod range;
mod read;
mod remove;
mod scan;
#[cfg(test)]
mod tests;

use super::context::Context;
use super::reply::Reply;
use super::table::{
    ALL_BUT_LAST, Flags, KeyPositions, ONE_KEY, READ, READ_SLOW, SHRINK, Spec, TWO_KEYS, WRITE, WRITE_SLOW,
};
use crate::keyspace::{Entry, Object, ZSet};

const G: &str = "sorted-set";
const SHRINK_SLOW: Flags = Flags::WRITE.union(Flags::SLOW);
const WAIT: Flags = SHRINK.union(Flags::BLOCKING);
const WAIT_SLOW: Flags = SHRINK_SLOW.union(Flags::BLOCKING);
const COUNTED: KeyPositions = KeyPositions::Counted { at: 1, dest: false };
const COUNTED_SECOND: KeyPositions = KeyPositions::Counted { at: 2, dest: false };
const COUNTED_WITH_DEST: KeyPositions = KeyPositions::Counted { at: 2, dest: true };

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "ZADD", "1.2.0", "Adds members with scores, or changes their scores."], -4, WRITE, ONE_KEY, add::zadd),
    Spec::new([G, "ZINCRBY", "1.2.0", "Adds to the score of a member."], 4, WRITE, ONE_KEY, add::zincrby),
    Spec::new([G, "ZREM", "1.2.0", "Removes members."], -3, SHRINK, ONE_KEY, remove::zrem),
    Spec::new([G, "ZREMRANGEBYRANK", "2.0.0", "Removes the members of a range of ranks."], 4, SHRINK_SLOW, ONE_KEY, remove::by_rank),
    Spec::new([G, "ZREMRANGEBYSCORE", "1.2.0", "Removes the members of a range of scores."], 4, SHRINK_SLOW, ONE_KEY, remove::by_score),
    Spec::new([G, "ZREMRANGEBYLEX", "2.8.9", "Removes the members of a range of bytes."], 4, SHRINK_SLOW, ONE_KEY, remove::by_lex),
    Spec::new([G, "ZCARD", "1.2.0", "Counts the members."], 2, READ, ONE_KEY, read::zcard),
    Spec::new([G, "ZSCORE", "1.2.0", "Gives the score of a member."], 3, READ, ONE_KEY, read::zscore),
    Spec::new([G, "ZMSCORE", "6.2.0", "Gives the scores of several members."], -3, READ, ONE_KEY, read::zmscore),
    Spec::new([G, "ZCOUNT", "2.0.0", "Counts the members of a range of scores."], 4, READ, ONE_KEY, read::zcount),
    Spec::new([G, "ZLEXCOUNT", "2.8.9", "Counts the members of a range of bytes."], 4, READ, ONE_KEY, read::zlexcount),
    Spec::new([G, "ZRANK", "2.0.0", "Gives the rank of a member, from the lowest score."], -3, READ, ONE_KEY, read::zrank),
    Spec::new([G, "ZREVRANK", "2.0.0", "Gives the rank of a member, from the highest score."], -3, READ, ONE_KEY, read::zrevrank),
    Spec::new([G, "ZRANDMEMBER", "6.2.0", "Gives random members."], -2, READ_SLOW, ONE_KEY, random::zrandmember),
    Spec::new([G, "ZSCAN", "2.8.0", "Iterates over members and scores."], -3, READ_SLOW, ONE_KEY, scan::zscan),
    Spec::new([G, "ZRANGE", "1.2.0", "Gives the members of a range of ranks, scores or bytes."], -4, READ_SLOW, ONE_KEY, range::zrange),
    Spec::new([G, "ZREVRANGE", "1.2.0", "Gives the members of a range of ranks, highest first."], -4, READ_SLOW, ONE_KEY, range::zrevrange),
    Spec::new([G, "ZRANGEBYSCORE", "1.0.5", "Gives the members of a range of scores."], -4, READ_SLOW, ONE_KEY, range::zrangebyscore),
    Spec::new([G, "ZREVRANGEBYSCORE", "2.2.0", "Gives the members of a range of scores, highest first."], -4, READ_SLOW, ONE_KEY, range::zrevrangebyscore),
    Spec::new([G, "ZRANGEBYLEX", "2.8.9", "Gives the members of a range of bytes."], -4, READ_SLOW, ONE_KEY, range::zrangebylex),
    Spec::new([G, "ZREVRANGEBYLEX", "2.8.9", "Gives the members of a range of bytes, highest first."], -4, READ_SLOW, ONE_KEY, range::zrevrangebylex),
    Spec::new([G, "ZRANGESTORE", "6.2.0", "Stores the members of a range under another key."], -5, WRITE_SLOW, TWO_KEYS, range::zrangestore),
    Spec::new([G, "ZPOPMIN", "5.0.0", "Removes the members with the lowest scores."], -2, SHRINK, ONE_KEY, pop::zpopmin),
    Spec::new([G, "ZPOPMAX", "5.0.0", "Removes the members with the highest scores."], -2, SHRINK, ONE_KEY, pop::zpopmax),
    Spec::new([G, "ZMPOP", "7.0.0", "Pops members of the first sorted set that has any."], -4, SHRINK_SLOW, COUNTED, pop::zmpop),
    Spec::new([G, "BZPOPMIN", "5.0.0", "Pops the lowest member, or waits for one."], -3, WAIT, ALL_BUT_LAST, pop::bzpopmin),
    Spec::new([G, "BZPOPMAX", "5.0.0", "Pops the highest member, or waits for one."], -3, WAIT, ALL_BUT_LAST, pop::bzpopmax),
    Spec::new([G, "BZMPOP", "7.0.0", "Pops members of the first sorted set, or waits for one."], -5, WAIT_SLOW, COUNTED_SECOND, pop::bzmpop),
    Spec::new([G, "ZUNION", "6.2.0", "Gives the union of sorted sets."], -3, READ_SLOW, COUNTED, combine::zunion),
    Spec::new([G, "ZUNIONSTORE", "2.0.0", "Stores the union of sorted sets."], -4, WRITE_SLOW, COUNTED_WITH_DEST, combine::zunionstore),
    Spec::new([G, "ZINTER", "6.2.0", "Gives the intersection of sorted sets."], -3, READ_SLOW, COUNTED, combine::zinter),
    Spec::new([G, "ZINTERSTORE", "2.0.0", "Stores the intersection of sorted sets."], -4, WRITE_SLOW, COUNTED_WITH_DEST, combine::zinterstore),
    Spec::new([G, "ZINTERCARD", "7.0.0", "Counts the intersection of sorted sets."], -3, READ_SLOW, COUNTED, combine::zintercard),
    Spec::new([G, "ZDIFF", "6.2.0", "Gives the first sorted set without the others."], -3, READ_SLOW, COUNTED, combine::zdiff),
    Spec::new([G, "ZDIFFSTORE", "6.2.0", "Stores the first sorted set without the others."], -4, WRITE_SLOW, COUNTED_WITH_DEST, combine::zdiffstore),
];

/// Replies a member, and with scores an array of member and score.
fn tell(reply: &mut Reply, member: Entry<'_>, score: f64, with_score: bool) {
    if with_score {
        reply.array(2);
    }
    reply.entry(member);
    if with_score {
        reply.double(score);
    }
}

/// Puts a result under `dest`, or removes what is there if the result is empty; replies its length.
fn store(cx: &mut Context<'_>, dest: &[u8], zset: ZSet) {
    let len = zset.len();
    if len == 0 {
        cx.remove(dest);
    } else {
        cx.keys.put(dest, Object::ZSet(zset));
        cx.changed(dest);
    }
    cx.reply.len(len);
}

/// Tells watchers and the log that `count` members of `key` are gone, and removes it when it is empty.
fn shrunk(cx: &mut Context<'_>, key: &[u8], count: usize, empty: bool) {
    if count == 0 {
        return;
    }
    if empty {
        cx.remove(key);
    } else {
        cx.changed(key);
    }
    cx.effects.changed_by(count - 1);
}
