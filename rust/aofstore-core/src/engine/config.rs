//! CONFIG: the live settings, read and changed as Redis does it: several at once, all or none.
//!
//! INVARIANT: the log's own policy is the truth about `appendfsync`. CONFIG SET only asks for a new one; the log
//! takes it, and syncs if it has to, after the engine's lock is free and before the caller is told.

use std::sync::Arc;

use super::core::Core;
use super::rewrite::Home;
use super::settings::{Refused, Settings};
use crate::aof::Policy;
use crate::command::{ErrorReply, Outcome, Reply, errors, glob_matches};

const APPENDONLY: &str = "appendonly";

impl Core {
    /// `args` begin with the subcommand's name, here and below.
    pub(super) fn config_get(&self, args: &[&[u8]], reply: &mut Reply) -> Outcome {
        let patterns: Vec<(&[u8], Vec<u8>)> =
            args.iter().skip(1).map(|&given| (given, given.to_ascii_lowercase())).collect();
        let names = Settings::names().chain(Settings::aliases().map(|(old, _)| old));
        let found: Vec<(&[u8], &str)> =
            names.filter_map(|name| Some((shown(name, &patterns)?, name))).collect();
        reply.map(found.len());
        for (shown, name) in found {
            reply.bulk(shown);
            reply.bulk(self.setting(name).as_bytes());
        }
        Ok(())
    }

    /// Every setting as it is now, as `CONFIG GET *` shows it.
    pub(super) fn live_settings(&self) -> Vec<(&'static str, String)> {
        Settings::names().map(|name| (name, self.setting(name).to_owned())).collect()
    }

    fn setting(&self, name: &str) -> &str {
        if name == "appendfsync" { self.policy().name() } else { self.settings.get(name).unwrap_or_default() }
    }

    fn policy(&self) -> Policy {
        let log = self.log.as_ref().map(|log| log.policy());
        self.new_policy.or(log).unwrap_or(self.settings.policy)
    }

    pub(super) fn config_set(&mut self, args: &[&[u8]], reply: &mut Reply) -> Outcome {
        let args = args.get(1..).unwrap_or_default();
        if !args.len().is_multiple_of(2) {
            return Err(errors::SYNTAX);
        }
        let pairs = readable(args)?;
        check_names(&pairs)?;
        let mut next = self.settings.clone();
        for (name, text) in &pairs {
            next.change(name, text).map_err(|refused| match refused {
                Refused::Unknown => errors::unknown_setting(name),
                Refused::Immutable => errors::config_set_failed(name, errors::IMMUTABLE_SETTING),
                Refused::Invalid(why) => errors::config_set_failed(name, &why),
            })?;
        }
        let policy = pairs.iter().any(|(name, _)| name == "appendfsync").then_some(next.policy);
        let log = next.is_yes(APPENDONLY);
        let switched = log != self.settings.is_yes(APPENDONLY);
        if switched && self.loading {
            return Err(errors::config_set_failed(APPENDONLY, errors::LOG_IS_BEING_READ));
        }
        if switched && log {
            self.switch_on().map_err(|error| errors::unable_to_turn_on_aof(&error))?;
        }
        let kept = self.settings.is_yes("aof-disable-auto-gc") && !next.is_yes("aof-disable-auto-gc");
        if kept && let Some(Home::Parts(parts)) = &self.rewrites.home {
            self.rewrites.unwanted = Some(Arc::clone(parts));
        }
        self.adopt(next, policy);
        if switched && !log {
            self.switch_off();
        }
        reply.ok();
        Ok(())
    }

    /// Lets changed settings take effect.
    fn adopt(&mut self, next: Settings, policy: Option<Policy>) {
        self.settings = next;
        self.space.limits = self.settings.limits;
        self.latency.set_threshold(self.settings.latency_threshold());
        self.space.time_removals(self.latency.is_on());
        let Some(log) = &self.log else { return };
        log.set_postpone(self.settings.is_yes("aof-postpone-write"));
        log.set_no_fsync_on_rewrite(self.settings.is_yes("no-appendfsync-on-rewrite"));
        log.set_latency_threshold(self.settings.latency_threshold());
        self.new_policy = policy.or(self.new_policy);
    }

    pub(super) fn config_reset_stat(&mut self, reply: &mut Reply) -> Outcome {
        self.stats.reset();
        self.rewrites.figures.reset();
        self.saves.figures.reset();
        let stats = &mut self.space.stats;
        (stats.hits, stats.misses, stats.expired) = (0, 0, 0);
        if let Some(log) = &self.log {
            log.reset_delayed_fsync();
        }
        reply.ok();
        Ok(())
    }
}

/// How `name` is shown: as it was asked for, or in its own spelling if a pattern found it. None: not asked for.
fn shown<'a>(name: &'a str, patterns: &[(&'a [u8], Vec<u8>)]) -> Option<&'a [u8]> {
    let (given, pattern) = patterns.iter().find(|(_, pattern)| glob_matches(pattern, name.as_bytes()))?;
    Some(if pattern == name.as_bytes() { given } else { name.as_bytes() })
}

/// Lower-case names and texts. Bytes that are no text fit no setting but the free texts, which are immutable.
fn readable(args: &[&[u8]]) -> Result<Vec<(String, String)>, ErrorReply> {
    let text = |arg: &[u8]| String::from_utf8_lossy(arg).into_owned();
    args.chunks(2)
        .map(|pair| match *pair {
            [name, value] => Ok((text(name).to_ascii_lowercase(), text(value))),
            _ => Err(errors::SYNTAX),
        })
        .collect()
}

/// The first name that is unknown, immutable or given twice refuses all, before any value is looked at.
fn check_names(pairs: &[(String, String)]) -> Outcome {
    let mut seen: Vec<&str> = Vec::new();
    for (name, _) in pairs {
        match Settings::is_mutable(name) {
            None => return Err(errors::unknown_setting(name)),
            Some(false) => return Err(errors::config_set_failed(name, errors::IMMUTABLE_SETTING)),
            Some(true) => {}
        }
        // As in Redis, a name and its old form are two names; the later one stands.
        if seen.contains(&name.as_str()) {
            return Err(errors::config_set_failed(name, errors::DUPLICATE_SETTING));
        }
        seen.push(name);
    }
    Ok(())
}
