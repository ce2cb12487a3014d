//! What a mapping does to one value. A value that does not fit is kept as it is, and counted: nothing is thrown away.

use crate::mapping::Conversion;
use rusqlite::types::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The value for the guild's file, and whether it fitted.
pub(crate) fn convert(conversion: Conversion, value: Value) -> (Value, bool) {
    match (conversion, value) {
        (Conversion::Keep, value) | (_, value @ Value::Null) => (value, true),
        (Conversion::Milliseconds | Conversion::Integer, value @ Value::Integer(_)) => (value, true),
        (Conversion::Milliseconds, Value::Text(text)) => match milliseconds(&text) {
            Some(milliseconds) => (Value::Integer(milliseconds), true),
            None => (Value::Text(text), false),
        },
        (Conversion::Integer, Value::Text(text)) => match text.parse() {
            Ok(number) => (Value::Integer(number), true),
            Err(_) => (Value::Text(text), false),
        },
        (Conversion::Json, Value::Text(text)) => {
            let fits = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            (Value::Text(text), fits)
        }
        (_, value) => (value, false),
    }
}

/// Reads `2024-05-01`, `2024-05-01 12:34:56`, `2024-05-01T12:34:56.789Z` and the like; without an offset it is UTC.
fn milliseconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix(['T', 't', ' ']).unwrap_or(rest);
    let whole = match time.len() {
        0 => format!("{date}T00:00:00Z"),
        5 => format!("{date}T{time}:00Z"),
        _ if time.ends_with(['Z', 'z']) || time.contains(['+', '-']) => format!("{date}T{time}"),
        _ => format!("{date}T{time}Z"),
    };
    let read = OffsetDateTime::parse(&whole, &Rfc3339).ok()?;
    i64::try_from(read.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_such_bots_write_them_become_milliseconds() {
        for (text, expected) in [
            ("1970-01-01", 0),
            ("1970-01-01 00:01", 60_000),
            ("2024-05-01 12:34:56", 1_714_566_896_000),
            ("2024-05-01T12:34:56.789Z", 1_714_566_896_789),
            ("2024-05-01T14:34:56.789+02:00", 1_714_566_896_789),
            ("1969-12-31T23:59:59.9999Z", -1),
        ] {
            assert_eq!(milliseconds(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "now",
            "2024-13-01",
            "yesterday at noon",
            "1714566896789",
            "２０２４-05-01",
        ] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_kept_and_told() {
        let odd = Value::Text("soon".into());
        assert_eq!(convert(Conversion::Milliseconds, odd.clone()), (odd, false));
        let broken = Value::Text("{\"a\":".into());
        assert_eq!(convert(Conversion::Json, broken.clone()), (broken, false));
        assert_eq!(convert(Conversion::Json, Value::Null), (Value::Null, true));
        assert_eq!(
            convert(Conversion::Integer, Value::Text("197038439483310086".into())),
            (Value::Integer(197_038_439_483_310_086), true)
        );
        assert_eq!(
            convert(Conversion::Integer, Value::Real(0.5)),
            (Value::Real(0.5), false)
        );
    }
}
