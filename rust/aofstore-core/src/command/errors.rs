//! Every error text a user compares, letter for letter Redis's, and nothing else.

use std::borrow::Cow;

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

texts! {
    WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
    NUMKEYS = "ERR numkeys should be greater than 0";
    NEGATIVE_LIMIT = "ERR LIMIT can't be negative";
    SYNTAX = "ERR syntax error";
    NOT_AN_INTEGER = "ERR value is not an integer or out of range";
    NOT_A_FLOAT = "ERR value is not a valid float";
    MIN_OR_MAX_NOT_A_FLOAT = "ERR min or max is not a float";
    MIN_OR_MAX_NOT_A_LEX_RANGE = "ERR min or max not valid string range item";
    /// Ours: a server would end here, a library must not.
    OUT_OF_MEMORY = "OOM not enough memory for this command";
    NO_SUCH_KEY = "ERR no such key";
    OUT_OF_RANGE_INDEX = "ERR index out of range";
    OUT_OF_RANGE = "ERR value is out of range";
    MUST_BE_POSITIVE = "ERR value is out of range, must be positive";
    OVERFLOW = "ERR increment or decrement would overflow";
    DECR_OVERFLOW = "ERR decrement would overflow";
    NAN_OR_INFINITY = "ERR increment would produce NaN or Infinity";
    SCORE_NAN = "ERR resulting score is not a number (NaN)";
    HASH_NOT_AN_INTEGER = "ERR hash value is not an integer";
    HASH_NOT_A_FLOAT = "ERR hash value is not a float";
    OFFSET_OUT_OF_RANGE = "ERR offset is out of range";
    STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    BIT_OFFSET = "ERR bit offset is not an integer or out of range";
    BIT_VALUE = "ERR bit is not an integer or out of range";
    BIT_ARGUMENT = "ERR The bit argument must be 1 or 0.";
    DB_INDEX = "ERR DB index is out of range";
    OUT_OF_INT_RANGE = "ERR value is out of range, value must between -2147483648 and 2147483647";
    SAME_OBJECT = "ERR source and destination objects are the same";
    INVALID_CURSOR = "ERR invalid cursor";
    TIMEOUT_NOT_A_FLOAT = "ERR timeout is not a float or out of range";
    TIMEOUT_NEGATIVE = "ERR timeout is negative";
    NOT_IN_EXEC = "ERR EXEC without MULTI";
    NOT_IN_DISCARD = "ERR DISCARD without MULTI";
    NOT_IN_TRANSACTION = "ERR Command not allowed inside a transaction";
    NESTED_MULTI = "ERR MULTI calls can not be nested";
    WATCH_IN_MULTI = "ERR WATCH inside MULTI is not allowed";
    EXEC_ABORT = "EXECABORT Transaction discarded because of previous errors.";
    LOADING = "LOADING Redis is loading the dataset in memory";
    READ_ONLY = "READONLY You can't write against a read only store.";
    NO_AOF_FOR_WAITAOF = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
}

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
    let shown = String::from_utf8_lossy(subcommand.get(..128).unwrap_or(subcommand)).into_owned();
    format!("ERR unknown subcommand '{shown}'. Try {container} HELP.").into()
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
