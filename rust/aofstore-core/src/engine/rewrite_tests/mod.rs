//! Rewrites through the whole engine: with and without a child, with the log on, off and being switched on.

use super::*;
use crate::command::Reply;
use crate::engine::{Begun, Engine, RewriteHandle, Session, Settings, Waited};
use crate::error::RewriteCause;
use crate::fs::fault::{Call, Fault};
use crate::rewrite::{Plan, SharedPage, Step};
use std::time::Duration;

mod faults;
mod files;
mod latency;
mod modes;
mod protocol;
mod rig;
mod starting;
mod waiting;

use rig::NAME;
pub(in crate::engine) use rig::{Rig, at, until};
