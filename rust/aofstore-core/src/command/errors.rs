//! Every error text a user compares, letter for letter Redis's, and nothing else.

use std::borrow::Cow;

use crate::error::Error;

/// An error reply: its code is the first word (`ERR`, `WRONGTYPE`, …).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReply(pub Cow<'static, str>);

/// What a handler returns: the reply is already written, or this error replaces it.
pub type Outcome = Result<(), ErrorReply>;

impl ErrorReply {
    pub const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

impl From<String> for ErrorReply {
    /// What users wrote may stand in it: line ends at its ends go, others become blanks, as in Redis.
    fn from(text: String) -> Self {
        let ends = ['\r', '\n'];
        if text.contains(ends) {
            return Self(Cow::Owned(text.trim_matches(ends).replace(ends, " ")));
        }
        Self(Cow::Owned(text))
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: ErrorReply = ErrorReply::new($text);)*
    };
}

// What many commands answer.
texts! {
    WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
    SYNTAX = "ERR syntax error";
    NO_SUCH_KEY = "ERR no such key";
    NOT_AN_INTEGER = "ERR value is not an integer or out of range";
    NOT_A_FLOAT = "ERR value is not a valid float";
    OUT_OF_RANGE_INDEX = "ERR index out of range";
    OUT_OF_RANGE = "ERR value is out of range";
    OUT_OF_INT_RANGE = "ERR value is out of range, value must between -2147483648 and 2147483647";
    /// Of what is negated: the smallest number has no opposite.
    OUT_OF_OPPOSITES = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
    MUST_BE_POSITIVE = "ERR value is out of range, must be positive";
    NUMKEYS = "ERR numkeys should be greater than 0";
    TOO_MANY_KEYS = "ERR Number of keys can't be greater than number of args";
    COUNT = "ERR count should be greater than 0";
    NEGATIVE_COUNT = "ERR COUNT can't be negative";
    NEGATIVE_LIMIT = "ERR LIMIT can't be negative";
    INVALID_CURSOR = "ERR invalid cursor";
    TIMEOUT_NOT_A_FLOAT = "ERR timeout is not a float or out of range";
    TIMEOUT_NOT_AN_INTEGER = "ERR timeout is not an integer or out of range";
    TIMEOUT_NEGATIVE = "ERR timeout is negative";
    TIMEOUT_TOO_LONG = "ERR timeout is out of range";
    /// Ours: a server would end here, a library must not.
    OUT_OF_MEMORY = "OOM not enough memory for this command";
}

// Strings, numbers and bits.
texts! {
    OVERFLOW = "ERR increment or decrement would overflow";
    DECR_OVERFLOW = "ERR decrement would overflow";
    NAN_OR_INFINITY = "ERR increment would produce NaN or Infinity";
    OFFSET_OUT_OF_RANGE = "ERR offset is out of range";
    STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    BIT_OFFSET = "ERR bit offset is not an integer or out of range";
    BIT_VALUE = "ERR bit is not an integer or out of range";
    BIT_ARGUMENT = "ERR The bit argument must be 1 or 0.";
    BITOP_NOT_OF_MANY = "ERR BITOP NOT must be called with a single source key.";
    BITFIELD_TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
    BITFIELD_OVERFLOW = "ERR Invalid OVERFLOW type specified";
    BITFIELD_RO = "ERR BITFIELD_RO only supports the GET subcommand";
    LCS_NOT_STRINGS = "ERR The specified keys must contain string values";
    LCS_LENGTH_AND_INDEXES = "ERR If you want both the length and indexes, please just use IDX.";
    LCS_TABLE_TOO_LARGE = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
    LCS_NO_MEMORY = "ERR Insufficient memory, failed allocating transient memory for LCS";
}

// Lists, hashes and sorted sets.
texts! {
    ZERO_RANK = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative \
                 to start from the end of the list";
    NEGATIVE_MAXLEN = "ERR MAXLEN can't be negative";
    HASH_NOT_AN_INTEGER = "ERR hash value is not an integer";
    HASH_NOT_A_FLOAT = "ERR hash value is not a float";
    VALUE_NAN_OR_INFINITY = "ERR value is NaN or Infinity";
    SCORE_NAN = "ERR resulting score is not a number (NaN)";
    WEIGHT_NOT_A_FLOAT = "ERR weight value is not a float";
    MIN_OR_MAX_NOT_A_FLOAT = "ERR min or max is not a float";
    MIN_OR_MAX_NOT_A_LEX_RANGE = "ERR min or max not valid string range item";
    XX_AND_NX = "ERR XX and NX options at the same time are not compatible";
    GT_LT_AND_NX = "ERR GT, LT, and/or NX options at the same time are not compatible";
    ONE_INCREMENT = "ERR INCR option supports a single increment-element pair";
    LIMIT_WITHOUT_BY = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
    LEX_WITH_SCORES = "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
    SORT_NOT_A_NUMBER = "ERR One or more scores can't be converted into double";
}

// Keys and databases.
texts! {
    SAME_OBJECT = "ERR source and destination objects are the same";
    NX_AND_XX_GT_LT = "ERR NX and XX, GT or LT options at the same time are not compatible";
    GT_AND_LT = "ERR GT and LT options at the same time are not compatible";
    NO_LFU = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
              switching between policies at runtime LRU and LFU data will take some time to adjust.";
    BUSY_KEY = "BUSYKEY Target key name already exists.";
    INVALID_TTL = "ERR Invalid TTL value, must be >= 0";
    INVALID_IDLETIME = "ERR Invalid IDLETIME value, must be >= 0";
    INVALID_FREQ = "ERR Invalid FREQ value, must be >= 0 and <= 255";
    WRONG_PAYLOAD = "ERR DUMP payload version or checksum are wrong";
    BAD_FORMAT = "ERR Bad data format";
    DB_INDEX = "ERR DB index is out of range";
    FIRST_DB_INDEX = "ERR invalid first DB index";
    SECOND_DB_INDEX = "ERR invalid second DB index";
}

// Transactions.
texts! {
    NOT_IN_EXEC = "ERR EXEC without MULTI";
    NOT_IN_DISCARD = "ERR DISCARD without MULTI";
    NOT_IN_TRANSACTION = "ERR Command not allowed inside a transaction";
    NESTED_MULTI = "ERR MULTI calls can not be nested";
    WATCH_IN_MULTI = "ERR WATCH inside MULTI is not allowed";
    EXEC_ABORT = "EXECABORT Transaction discarded because of previous errors.";
}

// The store as a whole: what it is doing, its files, what it tells of itself.
texts! {
    LOADING = "LOADING Redis is loading the dataset in memory";
    READ_ONLY = "READONLY You can't write against a read only store.";
    SNAPSHOTS_FAIL = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
                      Commands that may modify the data set are disabled, because this instance is configured to \
                      report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). \
                      Please check the Redis logs for details about the RDB error.";
    SAVE_IN_PROGRESS = "ERR Background save already in progress";
    SAVE_BESIDE_A_CHILD = "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in \
                           order to schedule a BGSAVE whenever possible.";
    REWRITE_IN_PROGRESS = "ERR Background append only file rewriting already in progress";
    NO_AOF_FOR_WAITAOF = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
    NUMLOCAL_RANGE = "ERR value is out of range, value must between 0 and 1";
    NO_CONFIG_FILE = "ERR The server is running without a config file";
    PACKED_THRESHOLD = "ERR argument must be a memory value bigger than 1 and smaller than 4gb";
    INVALID_COMMAND = "ERR Invalid command specified";
    NO_KEY_ARGUMENTS = "ERR The command has no key arguments";
    INVALID_ARGUMENT_COUNT = "ERR Invalid number of arguments specified for command";
    INVALID_ARGUMENTS = "ERR Invalid arguments specified for command";
}

/// The ends of [`config_set_failed`] that are about no value.
pub const IMMUTABLE_SETTING: &str = "can't set immutable config";
pub const DUPLICATE_SETTING: &str = "duplicate parameter";
/// Ours: a server accepts no command while it loads.
pub const LOG_IS_BEING_READ: &str = "the log is being read";

pub fn wrong_arity(name: &str) -> ErrorReply {
    format!("ERR wrong number of arguments for '{}' command", name.to_ascii_lowercase()).into()
}

pub fn invalid_expire(name: &str) -> ErrorReply {
    format!("ERR invalid expire time in '{}' command", name.to_ascii_lowercase()).into()
}

/// `argv` is the whole command as it was given; Redis shows at most 128 bytes of name and of arguments.
pub fn unknown_command(argv: &[&[u8]]) -> ErrorReply {
    let show = |bytes: &[u8], most: usize| {
        String::from_utf8_lossy(bytes.get(..most).unwrap_or(bytes)).replace(['\r', '\n'], " ")
    };
    let mut shown = String::new();
    for arg in argv.iter().skip(1) {
        if shown.len() >= 128 {
            break;
        }
        shown.extend(["'", &show(arg, 128 - shown.len()), "' "]);
    }
    let name = argv.first().map(|name| show(name, 128)).unwrap_or_default();
    format!("ERR unknown command '{name}', with args beginning with: {shown}").into()
}

pub fn unknown_subcommand(container: &str, subcommand: &[u8]) -> ErrorReply {
    let shown = head(subcommand);
    format!("ERR unknown subcommand '{shown}'. Try {container} HELP.").into()
}

pub fn unsupported_option(option: &[u8]) -> ErrorReply {
    format!("ERR Unsupported option {}", String::from_utf8_lossy(option)).into()
}

pub fn no_input_key(name: &str) -> ErrorReply {
    format!("ERR at least 1 input key is needed for '{}' command", name.to_ascii_lowercase()).into()
}

pub fn exec_abort(why: &str) -> ErrorReply {
    format!("EXECABORT Transaction discarded because of: {why}").into()
}

pub fn no_samples(event: &[u8]) -> ErrorReply {
    format!("ERR No samples available for event '{}'", String::from_utf8_lossy(event)).into()
}

pub fn unknown_debug(subcommand: &[u8]) -> ErrorReply {
    let shown = head(subcommand);
    format!("ERR unknown subcommand or wrong number of arguments for '{shown}'. Try DEBUG HELP.").into()
}

pub fn unknown_setting(name: &str) -> ErrorReply {
    format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'").into()
}

pub fn config_set_failed(name: &str, why: &str) -> ErrorReply {
    format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}").into()
}

pub fn unable_to_turn_on_aof(error: &Error) -> ErrorReply {
    config_set_failed("appendonly", &format!("Unable to turn on AOF: {error}"))
}

pub fn unable_to_rewrite(error: &Error) -> ErrorReply {
    format!("ERR Can't execute an AOF background rewriting: {error}").into()
}

/// Ours: a server says no more than `ERR`.
pub fn unable_to_save(error: &Error) -> ErrorReply {
    format!("ERR {error}").into()
}

/// As much of a word as Redis shows.
fn head(word: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(word.get(..128).unwrap_or(word))
}

#[cfg(test)]
mod tests {
    use super::{ErrorReply, unknown_subcommand};

    #[test]
    fn no_error_text_holds_a_line_end() {
        let texts =
            ["ERR Unsupported option N*1\r", "ERR a\r\nb\n"].map(|text| ErrorReply::from(text.to_owned()));
        assert_eq!(texts.each_ref().map(ErrorReply::text), ["ERR Unsupported option N*1", "ERR a  b"]);
        assert_eq!(
            unknown_subcommand("OBJECT", b"x\ny").text(),
            "ERR unknown subcommand 'x y'. Try OBJECT HELP."
        );
    }
}
