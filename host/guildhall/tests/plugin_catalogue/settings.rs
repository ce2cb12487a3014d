//! Settings fit the active version's schema, or are not kept.

use crate::support::*;
use serde_json::{Value, json};

fn shown(operator: &Operator, scope: &[&str]) -> Value {
    let said = operator
        .plugin(&[&["settings", "versions", "--show"], scope].concat())
        .well(&[]);
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn a_guild_has_its_own_settings_or_those_for_every_guild() {
    let operator = Operator::new();
    operator.installs(&plugin("versions-v1"));
    assert_eq!(shown(&operator, &["--guild", "7"]), json!({}));
    operator
        .plugin(&["settings", "versions", "--all", "--set", "greeting=\"hello\""])
        .well(&["every guild", r#"{"greeting":"hello"}"#]);
    assert_eq!(shown(&operator, &["--guild", "7"]), json!({ "greeting": "hello" }));
    let file = operator.file("settings.json", r#"{ "greeting": "good day" }"#);
    operator
        .plugin(&["settings", "versions", "--guild", "7", "--file", file.to_str().unwrap()])
        .well(&["guild 7", "good day"]);
    assert_eq!(shown(&operator, &["--guild", "7"]), json!({ "greeting": "good day" }));
    assert_eq!(shown(&operator, &["--guild", "8"]), json!({ "greeting": "hello" }));
    operator
        .plugin(&["settings", "versions", "--guild", "7", "--reset"])
        .well(&["no settings for guild 7"]);
    assert_eq!(shown(&operator, &["--guild", "7"]), json!({ "greeting": "hello" }));
}

#[test]
fn what_does_not_fit_is_refused_with_its_path() {
    let operator = Operator::new();
    operator.installs(&plugin("versions-v1"));
    let set = |setting: &str| operator.plugin(&["settings", "versions", "--guild", "7", "--set", setting]);
    set("greeting=7").badly(&["versions 1.0.0", "/greeting", "string", "nothing was changed"]);
    set(&format!("greeting=\"{}\"", "long ".repeat(20))).badly(&["/greeting"]);
    set("greeting=hello").badly(&["greeting=hello", "not JSON"]);
    set("greeting").badly(&["there is no ="]);
    let file = operator.file("list.json", "[]");
    operator
        .plugin(&["settings", "versions", "--guild", "7", "--file", file.to_str().unwrap()])
        .badly(&["list.json", "JSON object"]);
    operator
        .plugin(&["settings", "versions", "--guild", "7", "--file", "no/such.json"])
        .badly(&["no/such.json"]);
    assert_eq!(shown(&operator, &["--guild", "7"]), json!({}));
}
