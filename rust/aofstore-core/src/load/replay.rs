//! A command of the log has its turn.

use super::block::{Block, Held, database};
use super::call::Call;
use super::{Loader, NO_DATABASE, OnReplayError};
use crate::command::{self, Argv, EngineCommand, Flags, Handler, Spec};
use crate::error::{Error, LoadKind, Result};
use crate::keyspace::Keyspace;

impl Loader {
    /// The command that the reader stands at.
    pub(super) fn command(&mut self, space: &mut Keyspace) -> Result<()> {
        self.commands += 1;
        self.failed = Some(self.commands);
        let at = self.reader.command_start();
        if self.reader.turn() == 0 {
            self.plan.make(&self.reader, space, self.db);
        }
        let step = self.plan.step(self.reader.turn());
        let Some(spec) = step.spec else { return Err(self.unknown(at)) };
        if !spec.accepts(self.reader.argc()) {
            let why = command::errors::wrong_arity(spec.name);
            return Err(self.refused(at, why.text()));
        }
        if let Some(count) = spec.number.and_then(|number| self.counts.get_mut(usize::from(number))) {
            *count += 1;
        }
        match spec.handler {
            Handler::Engine(which) => self.control(space, which, spec, at)?,
            // No server logs it and it changes nothing, but it could keep us busy for ever (`SRANDMEMBER key -4e18`).
            Handler::Keyspace(_) if spec.flags.contains(Flags::READONLY) => {}
            Handler::Keyspace(_) if self.allowance.is_spent() => {}
            Handler::Keyspace(_) if self.block.is_some() => self.hold(spec, at),
            Handler::Keyspace(_) => {
                let argv = self.reader.argv();
                let failed = self.allowance.run(&mut Call {
                    step,
                    argv: &argv,
                    space,
                    db: self.db,
                    reply: &mut self.reply,
                    effects: &mut self.effects,
                });
                drop(argv);
                self.tolerate(failed, at)?;
            }
        }
        if self.block.is_none() {
            self.reader.mark_valid();
            self.valid_commands = self.commands;
        }
        self.failed = None;
        Ok(())
    }

    /// SELECT, MULTI and EXEC: the only commands besides those on keys that a log may hold.
    fn control(
        &mut self,
        space: &mut Keyspace,
        which: EngineCommand,
        spec: &'static Spec,
        at: u64,
    ) -> Result<()> {
        match which {
            EngineCommand::Select if self.block.is_some() => self.hold(spec, at),
            EngineCommand::Select => match database(space, self.reader.arg(1)) {
                Some(db) => self.db = db,
                None => return Err(self.refused(at, NO_DATABASE)),
            },
            EngineCommand::Multi if self.block.is_some() => {
                return Err(self.refused(at, "MULTI calls can not be nested"));
            }
            EngineCommand::Multi => {
                self.block = Some(Block { start: at, number: self.commands, commands: Vec::new() });
            }
            EngineCommand::Exec => {
                let Some(block) = self.block.take() else {
                    return Err(self.refused(at, "EXEC without MULTI"));
                };
                let db = self.db;
                self.apply_block(space, &block).inspect_err(|_| self.db = db)?;
            }
            _ => return Err(self.refused(at, &format!("'{}' has no place in a log", spec.name))),
        }
        Ok(())
    }

    /// Keeps the command that the reader stands at for the EXEC.
    fn hold(&mut self, spec: &'static Spec, at: u64) {
        let Some(block) = &mut self.block else { return };
        let mut argv = Argv::default();
        self.reader.args().for_each(|arg| argv.push(arg));
        block.commands.push(Held { spec, argv, at, number: self.commands });
    }

    fn unknown(&self, at: u64) -> Error {
        let name = String::from_utf8_lossy(self.reader.arg(0));
        self.reader.error(LoadKind::UnknownCommand, at, &format!("unknown command '{name}'"))
    }

    pub(super) fn refused(&self, at: u64, why: &str) -> Error {
        self.reader.error(LoadKind::Replay, at, why)
    }

    /// An error reply during replay means that the log does not describe this keyspace.
    pub(super) fn tolerate(&mut self, failed: Option<String>, at: u64) -> Result<()> {
        let Some(why) = failed else { return Ok(()) };
        let error = self.refused(at, &why);
        match self.on_error {
            OnReplayError::Stop => Err(error),
            OnReplayError::Warn => {
                self.warnings.push(error.to_string());
                Ok(())
            }
        }
    }
}
