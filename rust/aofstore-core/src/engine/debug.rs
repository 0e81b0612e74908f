//! DEBUG: the switches that tests need. Names that only make sense in a server are accepted and do nothing.

use std::time::{Duration, Instant};

use super::core::Core;
use super::pause::{Pause, Until};
use super::server::help_of;
use super::session::Session;
use crate::clock;
use crate::command::{Outcome, Reply, errors, glob_matches, is_word};
use crate::num;

/// Longest text that STRINGMATCH-LEN makes up.
const LONGEST: usize = 1 << 20;

impl Core {
    pub(super) fn debug(&mut self, session: &Session, args: &[&[u8]], reply: &mut Reply) -> Outcome {
        let Some((&name, rest)) = args.split_first() else { return Err(errors::wrong_arity("DEBUG")) };
        let is = |word| is_word(name, word);
        match rest {
            [] if is("HELP") => help_of("DEBUG", reply),
            [key] if is("OBJECT") => self.debug_object(session.db, key, reply)?,
            [seconds] if is("SLEEP") => {
                let seconds = num::parse_f64(seconds).unwrap_or_default();
                let timeout = Duration::try_from_secs_f64(seconds).unwrap_or_default();
                self.paused =
                    Some(Pause { until: Until::Late { since: Instant::now() }, timeout: Some(timeout) });
                reply.ok();
            }
            [on] if is("SET-ACTIVE-EXPIRE") => {
                self.settings.active_expire = num::parse_i64(on).unwrap_or_default() != 0;
                reply.ok();
            }
            [len, pattern] if is("STRINGMATCH-LEN") => {
                let len = num::parse_i64(len).and_then(|len| usize::try_from(len).ok()).unwrap_or_default();
                glob_matches(pattern, &vec![b'a'; len.min(LONGEST)]);
                reply.ok();
            }
            [size] if is("QUICKLIST-PACKED-THRESHOLD") => {
                let fits = |size: i64| (1..1 << 32).contains(&size) || size == 0;
                let size = std::str::from_utf8(size).ok().and_then(super::settings::memory);
                size.filter(|&size| fits(size)).ok_or(errors::PACKED_THRESHOLD)?;
                reply.ok();
            }
            _ if is("JMAP") || is("CHANGE-REPL-ID") => reply.ok(),
            _ => return Err(errors::unknown_debug(name)),
        }
        Ok(())
    }

    /// The address is not told, and the length is what the value takes in memory: there is no other form of it yet.
    fn debug_object(&mut self, db: usize, key: &[u8], reply: &mut Reply) -> Outcome {
        let mut keys = self.space.keys(db, clock::now_ms());
        if keys.is_due(key) {
            return Err(errors::NO_SUCH_KEY);
        }
        let encoding = keys.get(key).map(|value| value.encoding()).ok_or(errors::NO_SUCH_KEY)?;
        let length = keys.memory(key).unwrap_or_default();
        let line = format!(
            "Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{length} lru:0 lru_seconds_idle:0"
        );
        reply.bulk(line.as_bytes());
        Ok(())
    }
}
