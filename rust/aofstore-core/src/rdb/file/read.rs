//! The file, read: one key at a time into a keyspace that was empty before.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::value::codes::{self, opcode};
use super::super::value::{
    self, Bad, Dialect, Input, Making, Room, array, byte, foreign, length, skip_string, string,
};
use super::ahead::Ahead;
use super::window::Window;
use crate::error::{Error, LoadKind, Result, shown};
use crate::keyspace::Keyspace;
use crate::num;

/// The versions of Redis's format that are read.
const OLDEST: u16 = 6;
const NEWEST: u16 = 13;
/// The only one of Valkey's.
const VALKEY: u16 = 80;
const MAGIC: usize = 9;
/// No key takes less of a file: its type, its length and that of its value.
const LEAST_KEY: u64 = 3;

/// A value of more elements, or of more bytes, takes long.
const LARGE_COUNT: u64 = 1 << 16;
const LARGE_BYTES: u64 = 64 << 20;

/// What to do with values of types that the store does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    #[default]
    Refuse,
    /// Leave them out, with a note.
    Skip,
}

/// Whether a file that begins like this is, or begins with, a snapshot.
pub fn is_snapshot(head: &[u8]) -> bool {
    head.starts_with(b"REDIS") || head.starts_with(b"VALKEY")
}

/// A snapshot being read.
pub struct Reader {
    window: Window,
    ahead: Ahead,
    path: PathBuf,
    unknown: Unknown,
    dialect: Dialect,
    version: u16,
    making: Option<Making>,
    db: usize,
    /// Of the next key.
    deadline: Option<i64>,
    /// Where the record that is being read begins, and its key if it has one.
    record: u64,
    key: Vec<u8>,
    /// The type of its value, which comes next, since it is large.
    large: Option<u8>,
    room: Room,
    keys: u64,
    /// Keys that are past their deadline at this moment, in milliseconds, are left out.
    expire: Option<i64>,
    expired: u64,
    /// Unix seconds, if the file says so.
    created: Option<i64>,
    notes: Vec<String>,
    ended: bool,
}

impl Reader {
    /// Nothing is read before the first [`Reader::next`].
    pub fn new(source: Box<dyn crate::fs::Source>, total: u64, path: &Path, unknown: Unknown) -> Self {
        Self {
            window: Window::new(source, total),
            ahead: Ahead::default(),
            path: path.to_owned(),
            unknown,
            dialect: Dialect::Redis,
            version: 0,
            making: None,
            db: 0,
            deadline: None,
            record: 0,
            key: Vec::new(),
            large: None,
            room: Room::default(),
            keys: 0,
            expire: None,
            expired: 0,
            created: None,
            notes: Vec::new(),
            ended: false,
        }
    }

    /// Leaves out keys whose deadline is before `now`, in milliseconds. Not where a log follows: its commands saw them.
    #[must_use]
    pub fn expiring(mut self, now: Option<i64>) -> Self {
        self.expire = now;
        self
    }

    /// File offset behind what was read.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    pub fn total(&self) -> u64 {
        self.window.total()
    }

    /// Whether the next call reads one large value.
    pub fn is_before_large(&self) -> bool {
        self.large.is_some()
    }

    /// Reading fails soon after another thread has set `given_up`, also in the midst of a value.
    pub fn unless(&mut self, given_up: Arc<AtomicBool>) {
        self.window.unless(given_up);
    }

    /// Keys read into the keyspace.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// Keys left out since they were past their deadline.
    pub fn expired(&self) -> u64 {
        self.expired
    }

    /// 0 until the header was read; 80 is Valkey's.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Bytes that the reader holds.
    pub fn memory(&self) -> usize {
        self.window.memory()
    }

    /// When it says that it was made, in Unix seconds.
    pub fn created(&self) -> Option<i64> {
        self.created
    }

    /// What was left out, for the caller's log.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Reads the next key, which may be left out, or only its name if the value is large; false at the end, when the
    /// checksum is right.
    pub fn next(&mut self, space: &mut Keyspace) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if let Some(code) = self.large.take() {
            self.read_value(code, space)?;
            return Ok(true);
        }
        if self.making.is_none() {
            self.header()?;
            self.making = Some(Making::of(space));
        }
        loop {
            self.record = self.window.offset();
            self.key.clear();
            let code = self.or(byte)?;
            match code {
                opcode::END => {
                    self.finish()?;
                    return Ok(false);
                }
                opcode::KEY_META.. => self.opcode(code, space)?,
                _ => {
                    self.read_key()?;
                    self.large = self.is_large(code)?.then_some(code);
                    if self.large.is_none() {
                        self.read_value(code, space)?;
                    }
                    return Ok(true);
                }
            }
        }
    }

    fn header(&mut self) -> Result<()> {
        let magic: [u8; MAGIC] = self.or(array)?;
        let (dialect, digits) = match &magic {
            [b'R', b'E', b'D', b'I', b'S', digits @ ..] => (Dialect::Redis, digits.as_slice()),
            [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => (Dialect::Valkey, digits.as_slice()),
            _ => {
                let magic = magic.escape_ascii();
                let message = format!("this is no snapshot: it begins with \"{magic}\"");
                return Err(self.told(LoadKind::Format, &message));
            }
        };
        let number = str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u16>().ok());
        let Some(version) = number else {
            return Err(self.error(Bad::Format("the version of the snapshot is not a number")));
        };
        let known = match dialect {
            Dialect::Redis => (OLDEST..=NEWEST).contains(&version),
            Dialect::Valkey => version == VALKEY,
        };
        if !known {
            let magic = magic.escape_ascii();
            let message = format!(
                "a snapshot of version {magic}; REDIS00{OLDEST:02} to REDIS00{NEWEST:02} and VALKEY0{VALKEY} can be read"
            );
            return Err(self.told(LoadKind::Unsupported, &message));
        }
        (self.dialect, self.version) = (dialect, version);
        Ok(())
    }

    /// What is not a key.
    fn opcode(&mut self, code: u8, space: &mut Keyspace) -> Result<()> {
        match code {
            opcode::AUX => self.aux(),
            opcode::SELECT_DB => self.select(space),
            opcode::RESIZE_DB => self.resize(space),
            opcode::EXPIRE_MS => {
                let at = i64::from_le_bytes(self.or(array)?);
                self.expire(at);
                Ok(())
            }
            opcode::EXPIRE => {
                let at = i32::from_le_bytes(self.or(array)?);
                self.expire(i64::from(at) * 1000);
                Ok(())
            }
            opcode::FREQ => self.or(byte).map(drop),
            opcode::IDLE => self.or(length).map(drop),
            opcode::SLOT_INFO => self.or(|window| {
                length(window)?;
                length(window)?;
                length(window).map(drop)
            }),
            _ => self.foreign(code),
        }
    }

    fn aux(&mut self) -> Result<()> {
        let mut room = std::mem::take(&mut self.room);
        let created = self.or(|window| {
            let wanted = string(window, &mut room)? == b"ctime";
            let value = string(window, &mut room)?;
            Ok(if wanted { num::parse_i64(value) } else { None })
        });
        self.room = room;
        self.created = created?.or(self.created);
        Ok(())
    }

    /// Refuses a snapshot that was made after a moment, in microseconds since 1970.
    pub fn check_made_before(&self, until: Option<i64>) -> Result<()> {
        let Some(until) = until else { return Ok(()) };
        match self.created {
            Some(second) if second.saturating_mul(1_000_000) <= until => Ok(()),
            Some(second) => Err(Error::newer(&self.path, 0, second)),
            None => {
                let what = "the snapshot does not say when it was made";
                let advice = "the file was left untouched; open it without until";
                Err(Error::at(LoadKind::Unsupported, &self.path, 0, what, advice))
            }
        }
    }

    /// Refuses a file that goes on behind the snapshot, which was read.
    pub fn check_alone(&self) -> Result<()> {
        match self.window.left() {
            0 => Ok(()),
            more => {
                let what = format!("{more} bytes follow the end of the snapshot");
                let advice = "the file was left untouched; put a sound copy in its place";
                Err(Error::at(LoadKind::Format, &self.path, self.offset(), &what, advice))
            }
        }
    }

    /// Redis reads -1 as no deadline.
    fn expire(&mut self, at: i64) {
        self.deadline = (at != -1).then_some(at);
    }

    fn foreign(&mut self, code: u8) -> Result<()> {
        match (code, self.dialect) {
            (opcode::KEY_META, Dialect::Valkey) => {
                self.or(foreign::skip_slot_import)?;
                self.note("an import of slots that was under way");
                Ok(())
            }
            (opcode::KEY_META, Dialect::Redis) => {
                self.left_out("a module's data on a key", foreign::skip_key_meta)
            }
            (opcode::FUNCTION_2, _) => self.left_out("a library of functions", skip_string),
            (opcode::MODULE_AUX, _) => self.left_out("a module's data", foreign::skip_module_aux),
            _ => self.left_out("a library of functions", foreign::skip_function_pre_ga),
        }
    }

    /// Something beside keys that the store has no place for.
    fn left_out(
        &mut self,
        what: &'static str,
        skip: impl FnOnce(&mut Window) -> value::Result<()>,
    ) -> Result<()> {
        if self.unknown == Unknown::Refuse {
            return Err(self.error(Bad::Unsupported(what)));
        }
        self.or(skip)?;
        self.note(what);
        Ok(())
    }

    fn select(&mut self, space: &Keyspace) -> Result<()> {
        let number = self.or(length)?;
        let Some(db) = usize::try_from(number).ok().filter(|&db| db < space.databases()) else {
            let (here, wanted) = (space.databases(), number.saturating_add(1));
            let message = format!(
                "database {number} is out of range: open with databases={wanted} or more, not {here}"
            );
            return Err(self.told(LoadKind::Replay, &message));
        };
        self.db = db;
        Ok(())
    }

    /// What the counts promise is believed as far as the file can hold it.
    fn resize(&mut self, space: &mut Keyspace) -> Result<()> {
        let (keys, volatile) = (self.or(length)?, self.or(length)?);
        let most = self.window.left() / LEAST_KEY;
        space.expect_keys(self.db, keys.min(most) as usize, volatile.min(most) as usize);
        Ok(())
    }

    fn read_key(&mut self) -> Result<()> {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        let named = string(&mut self.window, &mut self.room).map(|bytes| key.extend_from_slice(bytes));
        self.key = key;
        named.map_err(|bad| {
            self.key.clear();
            self.error(bad)
        })
    }

    /// By the count or the length that it begins with; what is none is found out when it is read.
    fn is_large(&mut self, code: u8) -> Result<bool> {
        const LONGEST: usize = 9;
        let most = match code {
            codes::STRING => LARGE_BYTES,
            codes::LIST..=codes::ZSET_2 => LARGE_COUNT,
            // Nodes of some kilobytes.
            codes::LIST_QUICKLIST | codes::LIST_QUICKLIST_2 => LARGE_COUNT >> 7,
            _ => return Ok(false),
        };
        let (count, left) = self.or(|window| Ok((length(&mut window.peek(LONGEST)?), window.left())))?;
        Ok(count.is_ok_and(|count| (most..left).contains(&count)))
    }

    fn read_value(&mut self, code: u8, space: &mut Keyspace) -> Result<()> {
        let deadline = self.deadline.take();
        let stored =
            if value::is_known(code) { self.store(code, deadline, space) } else { self.skip_key(code) };
        let stored = stored.map_err(|bad| self.error(bad))?;
        self.room.tidy();
        self.ahead.look(self.window.unread(), self.window.offset(), space, self.db);
        self.keys += u64::from(stored);
        Ok(())
    }

    /// Whether there is one more key now.
    fn store(&mut self, code: u8, deadline: Option<i64>, space: &mut Keyspace) -> value::Result<bool> {
        let hash = self.ahead.hash(self.record);
        let Self { window, room, making: Some(making), key, db, expire, expired, .. } = self else {
            return Ok(false);
        };
        let Some(value) = value::read(code, window, room, making)? else {
            self.note("an empty collection");
            return Ok(false);
        };
        if deadline.zip(*expire).is_some_and(|(deadline, now)| deadline < now) {
            *expired += 1;
            return Ok(false);
        }
        // No command looks on, so the time does not matter.
        let mut keys = space.keys(*db, 0);
        if let Some(hash) = hash {
            keys.foreseen(key, hash);
        }
        match keys.put_new(key, value, deadline) {
            Ok(true) => Ok(true),
            Ok(false) => Err(Bad::Format("it is there twice")),
            Err(_) => Err(Bad::Memory),
        }
    }

    fn skip_key(&mut self, code: u8) -> value::Result<bool> {
        let what = foreign::name(code, self.dialect);
        if self.unknown == Unknown::Refuse {
            return Err(Bad::Unsupported(what));
        }
        foreign::skip_value(code, self.dialect, &mut self.window)?;
        self.note(what);
        Ok(false)
    }

    fn finish(&mut self) -> Result<()> {
        let counted = self.window.checksum();
        let stated = u64::from_le_bytes(self.or(array)?);
        // Zero: it was written without one.
        if stated != 0 && stated != counted {
            let message = format!(
                "the checksum is {counted:016x}, and should be {stated:016x}: the snapshot is damaged"
            );
            return Err(self.told(LoadKind::Checksum, &message));
        }
        self.ended = true;
        Ok(())
    }

    /// Reads something that belongs to no key.
    #[inline]
    fn or<T>(&mut self, read: impl FnOnce(&mut Window) -> value::Result<T>) -> Result<T> {
        read(&mut self.window).map_err(|bad| self.error(bad))
    }

    fn note(&mut self, what: &str) {
        let (path, record) = (shown(&self.path), self.record);
        let key = self.named();
        self.notes.push(format!("{path} at offset {record}: {what}{key} was left out"));
    }

    /// The key that is being read, for messages.
    fn named(&self) -> String {
        const SHOWN: usize = 64;
        match self.key.get(..SHOWN) {
            _ if self.key.is_empty() => String::new(),
            Some(start) if start.len() < self.key.len() => {
                format!(" under the key '{}…'", start.escape_ascii())
            }
            _ => format!(" under the key '{}'", self.key.escape_ascii()),
        }
    }

    fn error(&self, bad: Bad) -> Error {
        let key = self.named();
        match bad {
            Bad::Truncated => {
                let message = format!(
                    "the snapshot ends inside this record{key}, or a length in it is damaged (the file has {} bytes)",
                    self.window.total()
                );
                self.told(LoadKind::Truncated, &message)
            }
            Bad::Format(what) => self.told(LoadKind::Format, &format!("{what}{key}")),
            Bad::Unsupported(what) => self.told(LoadKind::Unsupported, &format!("{what}{key}")),
            Bad::Memory => self.told(LoadKind::Io, &format!("not enough memory for a value{key}")),
            Bad::Io(error) => self.told(LoadKind::Io, &format!("cannot be read: {error}")),
        }
    }

    fn told(&self, kind: LoadKind, message: &str) -> Error {
        let advice = match kind {
            LoadKind::Io => "check the disk, the memory and the permissions, then open again",
            LoadKind::Unsupported => {
                "the file was left untouched; what it holds of other types can be left out with unknown_types=\"skip\""
            }
            LoadKind::Replay => "the file was left untouched",
            _ => {
                "the file was left untouched; put a sound copy in its place, or see what `aofstore check` says of it"
            }
        };
        Error::at(kind, &self.path, self.record, message, advice)
    }
}
