//! Discord's message components as JSON (Discord, Component Reference).

use serde_json::{Value, json};

/// The flag of an answer that only one user sees.
pub const EPHEMERAL: u32 = 1 << 6;

/// How a button looks.
#[derive(Clone, Copy, Debug)]
pub enum Style {
    /// The one that is expected.
    Primary = 1,
    /// Any other.
    Secondary = 2,
    /// Good news.
    Success = 3,
    /// It punishes or destroys.
    Danger = 4,
}

/// A button. The custom id begins with the plugin's own id: see [`custom_id_of`](crate::Interaction::custom_id_of).
pub fn button(style: Style, label: &str, custom_id: &str) -> Value {
    json!({ "type": 2, "style": style as u8, "label": label, "custom_id": custom_id })
}

/// The same button, not to be clicked any more.
pub fn disabled(mut button: Value) -> Value {
    button["disabled"] = true.into();
    button
}

/// A button that leads somewhere.
pub fn link(label: &str, url: &str) -> Value {
    json!({ "type": 2, "style": 5, "label": label, "url": url })
}

/// Up to five buttons beside each other, or one select menu.
pub fn row(components: Vec<Value>) -> Value {
    json!({ "type": 1, "components": components })
}

/// A field of a modal for several lines of text, with its label.
pub fn paragraph(custom_id: &str, label: &str, placeholder: &str, shortest: u16, longest: u16) -> Value {
    json!({
        "type": 18, "label": label,
        "component": {
            "type": 4, "custom_id": custom_id, "style": 2, "placeholder": placeholder,
            "min_length": shortest, "max_length": longest, "required": true,
        },
    })
}

/// Rows as the text that a message's components are.
pub fn to_json(rows: &[Value]) -> String {
    json!(rows).to_string()
}
