//! Commands that need sessions, settings or the log rather than keys.

use super::core::Core;
use super::session::Session;
use crate::clock;
use crate::command::{EngineCommand, Outcome, Reply, Spec, errors};
use crate::num;

impl Core {
    pub(super) fn engine_command(
        &mut self,
        session: &mut Session,
        which: EngineCommand,
        spec: &'static Spec,
        argv: &[&[u8]],
        reply: &mut Reply,
    ) -> Outcome {
        let args = argv.get(1..).unwrap_or_default();
        match which {
            EngineCommand::Multi => Self::multi(session, reply),
            EngineCommand::Exec => self.exec(session, reply),
            EngineCommand::Discard => self.discard(session, reply),
            EngineCommand::Watch => self.watch(session, args, reply),
            EngineCommand::Unwatch => {
                self.unwatch(session);
                reply.ok();
                Ok(())
            }
            EngineCommand::Select => self.select(session, args, reply),
            EngineCommand::Ping => ping(spec, args, reply),
            EngineCommand::Echo => {
                reply.bulk(args.first().copied().unwrap_or_default());
                Ok(())
            }
            EngineCommand::Time => {
                time(reply);
                Ok(())
            }
        }
    }

    fn select(&self, session: &mut Session, args: &[&[u8]], reply: &mut Reply) -> Outcome {
        let index = args.first().and_then(|arg| num::parse_i64(arg)).ok_or(errors::INVALID_DB_INDEX)?;
        let db = usize::try_from(index).ok().filter(|&db| db < self.space.databases());
        session.db = db.ok_or(errors::DB_INDEX)?;
        reply.ok();
        Ok(())
    }
}

fn ping(spec: &Spec, args: &[&[u8]], reply: &mut Reply) -> Outcome {
    match args {
        [] => reply.status("PONG"),
        [message] => reply.bulk(message),
        _ => return Err(errors::wrong_arity(spec.name)),
    }
    Ok(())
}

fn time(reply: &mut Reply) {
    let now = clock::now_us();
    let mut room = itoa::Buffer::new();
    reply.array(2);
    reply.bulk(room.format(now / 1_000_000).as_bytes());
    reply.bulk(room.format(now % 1_000_000).as_bytes());
}
