//! Commands that need sessions, settings or the log rather than keys.

use super::core::Core;
use super::introspect;
use super::session::Session;
use crate::clock;
use crate::command::{EngineCommand, Outcome, Reply, Spec, errors, help_lines};
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
            EngineCommand::Container => Err(errors::wrong_arity(spec.name)),
            EngineCommand::Help => {
                help_of(spec.name.split('|').next().unwrap_or_default(), reply);
                Ok(())
            }
            EngineCommand::Info => self.info(args, reply),
            EngineCommand::ConfigGet => self.config_get(args, reply),
            EngineCommand::ConfigSet => self.config_set(args, reply),
            EngineCommand::ConfigResetStat => self.config_reset_stat(reply),
            EngineCommand::ConfigRewrite => Err(errors::NO_CONFIG_FILE),
            EngineCommand::CommandAll => introspect::all(reply),
            EngineCommand::CommandCount => introspect::count(reply),
            EngineCommand::CommandDocs => introspect::docs(args, reply),
            EngineCommand::CommandGetKeys => introspect::getkeys(args, reply),
            EngineCommand::CommandInfo => introspect::info(args, reply),
            EngineCommand::CommandList => introspect::list(args, reply),
            EngineCommand::Latency(which) => self.latency_command(which, args, reply),
            EngineCommand::BgRewriteAof => self.bgrewriteaof(reply),
            EngineCommand::BgSave => self.bgsave(args, reply),
            EngineCommand::Save => self.save(reply),
            EngineCommand::LastSave => self.lastsave(reply),
            EngineCommand::Debug => self.debug(session, args, reply),
            EngineCommand::WaitAof => self.waitaof(args, reply),
        }
    }

    fn select(&self, session: &mut Session, args: &[&[u8]], reply: &mut Reply) -> Outcome {
        let index = args.first().and_then(|arg| num::parse_i64(arg)).ok_or(errors::NOT_AN_INTEGER)?;
        let index = i32::try_from(index).map_err(|_| errors::OUT_OF_INT_RANGE)?;
        let db = usize::try_from(index).ok().filter(|&db| db < self.space.databases());
        session.db = db.ok_or(errors::DB_INDEX)?;
        reply.ok();
        Ok(())
    }
}

/// What `<container> HELP` answers.
pub(super) fn help_of(container: &str, reply: &mut Reply) {
    let lines = help_lines(container);
    reply.array(lines.len());
    for line in lines {
        reply.bulk(line.as_bytes());
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
