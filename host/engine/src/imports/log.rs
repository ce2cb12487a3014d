//! A plugin's lines in the host's log, bounded in number and length.

use super::CallState;
use crate::bindings::guildhall::plugin::log;
use crate::call::CallHost;

/// Named values of one line; the rest is dropped.
const FIELDS: usize = 16;
/// Bytes of the name of a value; the rest is cut.
const FIELD_NAME_BYTES: usize = 40;

impl<H: CallHost> log::Host for CallState<H> {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.write_fields(level, message, Vec::new())
    }

    fn write_fields(
        &mut self,
        level: log::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        self.log_lines += 1;
        if self.log_lines > self.limits.log_lines {
            return Ok(());
        }
        let line = cut(&message, self.limits.log_line_bytes);
        // The log's own fields have fixed names: these are one of them.
        let fields = (!fields.is_empty()).then(|| as_json(&fields, self.limits.log_line_bytes - line.len()));
        let (plugin, guild) = (&self.identity.plugin, self.guild);
        match level {
            log::Level::Debug => tracing::debug!(target: "plugin", plugin, %guild, fields, "{line}"),
            log::Level::Info => tracing::info!(target: "plugin", plugin, %guild, fields, "{line}"),
            log::Level::Warn => tracing::warn!(target: "plugin", plugin, %guild, fields, "{line}"),
            log::Level::Error => tracing::error!(target: "plugin", plugin, %guild, fields, "{line}"),
        }
        Ok(())
    }
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The fields as a JSON object, with at most so many bytes of names and values.
fn as_json(fields: &[(String, String)], mut bytes: usize) -> String {
    let mut object = serde_json::Map::new();
    for (name, value) in fields.iter().take(FIELDS) {
        let name = cut(name, FIELD_NAME_BYTES.min(bytes));
        let value = cut(value, bytes - name.len());
        bytes -= name.len() + value.len();
        object.insert(name.into(), value.into());
    }
    serde_json::Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_bounded() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            as_json(&[field("user", "7"), field("why", "\"spam\"")], 100),
            r#"{"user":"7","why":"\"spam\""}"#
        );
        assert_eq!(
            as_json(&[field("a", "ääää"), field("best", "x")], 6),
            r#"{"a":"ää","b":""}"#
        );
        let many: Vec<_> = (0..100).map(|number| field(&number.to_string(), "")).collect();
        let shown: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&as_json(&many, 4096)).expect("JSON");
        assert_eq!(shown.len(), FIELDS);
    }
}
