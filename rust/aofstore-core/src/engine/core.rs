//! What lives under the engine's lock, and who holds that lock when.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::blocking::{Blocked, Delivery};
use super::counters::Counters;
use super::due::Duty;
use super::gather::Gathered;
use super::latency::Latency;
use super::pause::Pause;
use super::remains::Remains;
use super::rewrite::Rewrites;
use super::save::Saves;
use super::settings::Settings;
use super::tick::Ticker;
use crate::aof::{Log, Policy};
use crate::command::{Effects, ErrorReply, errors};
use crate::error::{Error, Result};
use crate::event::Events;
use crate::fs::owner::Owner;
use crate::keyspace::Keyspace;
use crate::load;

/// Everything the lock protects.
pub(super) struct Core {
    pub space: Keyspace,
    pub settings: Settings,
    /// None: memory only, loading, or switched off.
    pub log: Option<Arc<Log>>,
    /// The one instant of the transaction that runs: nothing expires in the middle of it.
    pub instant: Option<i64>,
    /// Scratch of the command that runs.
    pub effects: Effects,
    /// While it is on, effects are gathered here and fed in one append.
    pub gathered: Gathered,
    /// A write command ran since the last acknowledgement was made up.
    pub wrote: bool,
    pub blocked: Blocked,
    pub deliveries: Vec<Delivery>,
    /// The command that runs would rather wait; taken where waiting is allowed.
    pub paused: Option<Pause>,
    pub rewrites: Rewrites,
    pub saves: Saves,
    /// Of saves and rewrites without a child; the timer closes them.
    pub remains: Remains,
    /// Set by whoever has something done without a child, and no longer wants it.
    pub given_up: Option<Arc<AtomicBool>>,
    /// What the command that ran has to see done before it is answered.
    pub owed: Option<Duty>,
    /// A policy that CONFIG SET chose and the log does not have yet.
    pub new_policy: Option<Policy>,
    /// A log is being replayed: everybody else gets LOADING.
    pub loading: bool,
    pub load: LoadProgress,
    /// A view of somebody's files: it is never written to, and nothing expires in it.
    pub view: bool,
    /// Of this opening, for INFO: 40 hexadecimal digits.
    pub run_id: String,
    /// A panic of ours was caught: the keyspace can no longer be trusted.
    pub defect: Option<String>,
    pub stats: Counters,
    pub latency: Latency,
    pub events: Arc<Events>,
    /// Why the last command was refused with MISCONF; readable without the lock.
    pub refused: Arc<AtomicI32>,
}

/// How far the replay is, for INFO.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct LoadProgress {
    pub began_ms: i64,
    pub bytes_done: u64,
    pub bytes_total: u64,
    /// In the files before the one that is read.
    pub bytes_before: u64,
    /// That a snapshot held.
    pub keys: u64,
    /// That it held as well, and were left out.
    pub expired: u64,
}

/// State shared by the handle, the ticker and every view.
pub(super) struct Shared {
    core: Mutex<Core>,
    /// Threads that wait for the lock.
    awaiting: AtomicUsize,
    pub owner: Owner,
    pub events: Arc<Events>,
    pub refused: Arc<AtomicI32>,
    closed: AtomicBool,
}

/// The store. Cheap to share; closed once.
pub struct Engine {
    pub(super) shared: Arc<Shared>,
    pub(super) ticker: Mutex<Option<Ticker>>,
}

impl Engine {
    /// A store in memory. [`Engine::start_log`] makes it durable.
    pub fn new(settings: Settings) -> Self {
        let latency = Latency::new(settings.latency_threshold());
        let mut space = Keyspace::new(settings.databases, settings.limits);
        space.time_removals(latency.is_on());
        let events = Events::new(1024);
        let refused: Arc<AtomicI32> = Arc::default();
        let core = Core {
            space,
            settings,
            latency,
            log: None,
            instant: None,
            effects: Effects::default(),
            gathered: Gathered::default(),
            wrote: false,
            blocked: Blocked::default(),
            deliveries: Vec::new(),
            paused: None,
            rewrites: Rewrites::default(),
            saves: Saves::default(),
            remains: Remains::default(),
            given_up: None,
            owed: None,
            new_policy: None,
            loading: false,
            load: LoadProgress::default(),
            view: false,
            run_id: random_digits(),
            defect: None,
            stats: Counters::since(crate::clock::now_ms()),
            events: Arc::clone(&events),
            refused: Arc::clone(&refused),
        };
        let shared = Arc::new_cyclic(|shared| {
            let rewrites = Rewrites::new(shared.clone());
            Shared {
                core: Mutex::new(Core { rewrites, ..core }),
                awaiting: AtomicUsize::new(0),
                owner: Owner::new(),
                events,
                refused,
                closed: AtomicBool::new(false),
            }
        });
        Self { shared, ticker: Mutex::new(None) }
    }

    pub fn events(&self) -> &Arc<Events> {
        &self.shared.events
    }

    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// The inner error is for a database that does not exist.
    pub fn check_database(&self, db: usize) -> Result<std::result::Result<(), ErrorReply>> {
        let databases = self.shared.enter()?.space.databases();
        Ok(if db < databases { Ok(()) } else { Err(errors::DB_INDEX) })
    }

    /// The settings as they are now; of a closed store, as they were last. Not to be asked in a forked copy.
    pub fn live_settings(&self) -> Vec<(&'static str, String)> {
        self.shared.lock().live_settings()
    }

    /// Longest argument a log may hold.
    /// How the files of a store with these settings are read.
    pub fn load_options(&self) -> load::Options {
        self.shared.lock().settings.load_options()
    }

    /// What goes wrong with the files at this moment: why writes are refused or not acknowledged; else why the last
    /// rewrite failed, or the last save in the background. Not to be asked in a forked copy.
    pub fn persistence_error(&self) -> Option<Error> {
        let core = self.shared.lock();
        let log = core.log.clone();
        let upkeep =
            core.refusing_failure().or_else(|| core.rewrites.failure()).or_else(|| core.saves.failure());
        let upkeep = upkeep.cloned();
        drop(core);
        log.and_then(|log| log.failure()).or(upkeep)
    }

    /// Refuses in a forked copy and after close. Comes before any lock: in a copy a lock may be held for ever.
    pub fn check(&self) -> Result<()> {
        self.shared.check()
    }

    /// Refuses in a forked copy only: what may be asked of a closed store too.
    pub fn check_owner(&self) -> Result<()> {
        self.shared.check_owner()
    }

    /// Why a waiter was sent away unserved.
    pub fn refusal(&self) -> Error {
        let defect = self.shared.lock().defect.clone();
        defect.map_or(Error::Closed, Error::Internal)
    }
}

impl Core {
    /// Why there is no place for files: what is given, unless the store must not write any.
    pub(super) const fn placeless(&self, otherwise: &'static str) -> &'static str {
        if self.view {
            "a store that was opened to be read only writes no files; `aofstore restore` writes a copy of it"
        } else {
            otherwise
        }
    }
}

fn random_digits() -> String {
    let mut rng = fastrand::Rng::new();
    (0..40).filter_map(|_| char::from_digit(rng.u32(..16), 16)).collect()
}

impl Shared {
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Marks the store closed; false if it was already.
    pub fn set_closed(&self) -> bool {
        !self.closed.swap(true, Ordering::AcqRel)
    }

    pub fn check_owner(&self) -> Result<()> {
        if self.owner.is_here() { Ok(()) } else { Err(Error::Forked { owner: self.owner.pid() }) }
    }

    pub fn check(&self) -> Result<()> {
        self.check_owner()?;
        if self.is_closed() { Err(Error::Closed) } else { Ok(()) }
    }

    /// The lock, for a call from outside. ORDER: `close` marks the store closed before it takes the log away under
    /// the lock. Asked without the lock alone, a call could slip between the two and be acknowledged unlogged.
    pub fn enter(&self) -> Result<MutexGuard<'_, Core>> {
        self.check()?;
        self.still_open(self.lock())
    }

    /// The same; None if another thread has the lock.
    pub fn try_enter(&self) -> Result<Option<MutexGuard<'_, Core>>> {
        self.check()?;
        self.try_lock().map(|core| self.still_open(core)).transpose()
    }

    fn still_open<'a>(&self, core: MutexGuard<'a, Core>) -> Result<MutexGuard<'a, Core>> {
        if self.is_closed() { Err(Error::Closed) } else { Ok(core) }
    }

    pub fn lock(&self) -> MutexGuard<'_, Core> {
        self.try_lock().unwrap_or_else(|| self.wait_for_lock())
    }

    #[cold]
    fn wait_for_lock(&self) -> MutexGuard<'_, Core> {
        self.awaiting.fetch_add(1, Ordering::Relaxed);
        let core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        self.awaiting.fetch_sub(1, Ordering::Relaxed);
        core
    }

    /// Whether somebody waits for the lock: who has it for no call's sake gives it up soon.
    pub fn is_awaited(&self) -> bool {
        self.awaiting.load(Ordering::Relaxed) > 0
    }

    pub fn try_lock(&self) -> Option<MutexGuard<'_, Core>> {
        match self.core.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
