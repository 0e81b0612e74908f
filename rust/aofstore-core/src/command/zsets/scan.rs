//! ZSCAN.

use std::fmt::Write as _;

use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::errors::Outcome;
use crate::command::keys::{ScanOptions, cursor};
use crate::num::{self, Buf};

pub(super) fn zscan(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut cursor = cursor(args.at(2))?;
    let Some(zset) = cx.keys.zset(args.at(1))? else {
        cx.reply.array(2);
        cx.reply.bulk(b"0");
        cx.reply.array(0);
        return Ok(());
    };
    let options = ScanOptions::parse(args.options(3), false)?;
    let small = zset.as_listpack().is_some();
    let mut found: Vec<(Vec<u8>, f64)> = Vec::new();
    let (mut seen, mut buckets) = (0, options.count.saturating_mul(10));
    loop {
        cursor = zset.scan(cursor, &mut |member, score| {
            seen += 1;
            if options.matches(member) {
                found.push((member.to_vec(), score));
            }
        });
        buckets -= 1;
        if cursor == 0 || buckets == 0 || seen >= options.count {
            break;
        }
    }
    cx.reply.array(2);
    cx.reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    cx.reply.array(2 * found.len());
    for (member, score) in &found {
        cx.reply.bulk(member);
        if small {
            cx.reply.bulk(num::fmt_f64_reply(*score, &mut Buf::new()));
        } else {
            cx.reply.bulk(seventeen_digits(*score).as_bytes());
        }
    }
    Ok(())
}

/// The score as Redis prints it while scanning a skip list, where it takes C's `%.17g`.
fn seventeen_digits(score: f64) -> String {
    if score.is_infinite() {
        return if score > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{score:.16e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..17).contains(&exponent) {
        let mut text = without_zeros(digits).to_owned();
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(text, "e{sign}{:02}", exponent.abs());
        return text;
    }
    let plain = format!("{score:.*}", usize::try_from(16 - exponent).unwrap_or_default());
    without_zeros(&plain).to_owned()
}

fn without_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::seventeen_digits;

    #[test]
    fn seventeen_digits_as_c_prints_them() {
        for (score, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.10000000000000001"),
            (3.3, "3.2999999999999998"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1e300, "1.0000000000000001e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(seventeen_digits(score), text);
        }
    }
}
