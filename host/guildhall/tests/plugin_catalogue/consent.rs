//! Nothing is granted silently.

use crate::support::*;
use std::io::Write;
use std::process::{Command, Stdio};

/// Installs in a terminal, whose user answers this.
fn on_a_terminal(operator: &Operator, what: &str, answer: &str) -> Said {
    let program = env!("CARGO_BIN_EXE_guildhall");
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command"]);
    command.arg(format!("{program} plugin install {what}")).arg("/dev/null");
    operator.at_home(&mut command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    Said::of(&child.wait_with_output().unwrap())
}

#[test]
fn without_a_terminal_and_without_consent_nothing_is_installed() {
    let operator = Operator::new();
    let component = plugin("versions-v1");
    let said = operator
        .plugin(&["install", component.to_str().unwrap()])
        .badly(&["versions was not installed", "--yes"]);
    for words in [
        "versions 1.0.0",
        "signed by  nobody",
        "every message, with its text  [event:message-create]",
        "send and edit messages, and add reactions  [send-messages]",
        "versions_seen",
    ] {
        assert!(said.out.contains(words), "{words:?} is not in:\n{}", said.out);
    }
    assert!(
        operator.listed()["catalogue"]["plugins"]
            .as_object()
            .unwrap()
            .is_empty()
    );
    assert!(operator.component_files().is_empty());
}

#[test]
fn on_a_terminal_somebody_is_asked() {
    let operator = Operator::new();
    let component = plugin("versions-v1");
    let declined = on_a_terminal(&operator, component.to_str().unwrap(), "n\n");
    assert_eq!(declined.code, Some(1), "{}", declined.out);
    assert!(
        declined.out.contains("[y/N]") && declined.out.contains("nothing was installed"),
        "{}",
        declined.out
    );
    assert!(operator.component_files().is_empty());
    on_a_terminal(&operator, component.to_str().unwrap(), "y\n").well(&["[y/N]", "active in every guild"]);
    assert_eq!(operator.active("versions"), "1.0.0");
}

#[test]
fn an_update_that_wants_more_waits_while_the_old_version_goes_on() {
    let operator = Operator::new();
    operator.installs(&plugin("versions-v1"));
    let greedy = plugin("versions-v2-wants-more");
    let said = operator.plugin(&["install", greedy.to_str().unwrap()]).well(&[
        "new: ban and unban users  [ban-members]",
        "- send and edit messages",
        "waits, and 1.0.0 goes on",
        "guildhall plugin grant versions --waiting",
    ]);
    assert!(!said.out.contains("is active"), "{}", said.out);
    assert_eq!(operator.active("versions"), "1.0.0");
    operator
        .plugin(&["list"])
        .well(&["versions  1.0.0", "2 of 2", "2.0.0: waits for: ban-members"]);
    operator
        .plugin(&["rollback", "versions", "--to", "2.0.0"])
        .badly(&["waits for consent"]);
    operator
        .plugin(&["grant", "versions", "--waiting"])
        .well(&["ban and unban users", "2.0.0", "is active"]);
    assert_eq!(operator.active("versions"), "2.0.0");
    assert!(operator.installed("versions")["waiting"].is_null());
    operator
        .plugin(&["grant", "versions", "--waiting"])
        .badly(&["no version waits"]);
}

#[test]
fn an_update_that_wants_no_more_is_active_at_once() {
    let operator = Operator::new();
    operator.installs(&plugin("versions-v1"));
    let update = plugin("versions-v2-good");
    operator
        .plugin(&["install", update.to_str().unwrap()])
        .well(&["is active; before it was 1.0.0"]);
    assert_eq!(operator.active("versions"), "2.0.0");
    operator
        .plugin(&["install", update.to_str().unwrap()])
        .well(&["is active already"]);
}

#[test]
fn a_part_may_be_withheld_and_is_not_asked_for_again() {
    let operator = Operator::new();
    let component = plugin("versions-v1");
    operator
        .plugin(&[
            "install",
            component.to_str().unwrap(),
            "--grant",
            "event:message-create",
        ])
        .well(&["withheld: send-messages"]);
    let granted = operator.installed("versions")["granted"].clone();
    assert_eq!(granted["events"], serde_json::json!(["message-create"]));
    assert_eq!(granted["capabilities"], serde_json::json!([]));
    // What it wanted before, and was not given, keeps no update back.
    let update = plugin("versions-v2-good");
    operator
        .plugin(&["install", update.to_str().unwrap()])
        .well(&["is active; before it was 1.0.0"]);
    operator.plugin(&["list"]).well(&["1 of 2", "withheld: send-messages"]);
    operator
        .plugin(&["grant", "versions", "send-messages"])
        .well(&["granted: do at Discord: send and edit messages"]);
    operator
        .plugin(&["grant", "versions", "event:message-create", "--revoke"])
        .well(&["revoked", "event:message-create"]);
    operator.plugin(&["list"]).well(&["withheld: event:message-create"]);
}

#[test]
fn rights_that_a_plugin_does_not_want_cannot_be_granted() {
    let operator = Operator::new();
    let component = plugin("versions-v1");
    operator
        .plugin(&["install", component.to_str().unwrap(), "--grant", "ban-members"])
        .badly(&["ban-members", "send-messages"]);
    operator
        .plugin(&["install", component.to_str().unwrap(), "--grant", "everything"])
        .badly(&["\"everything\" is no right"]);
    assert!(operator.component_files().is_empty());
    operator.installs(&component);
    operator
        .plugin(&["grant", "versions", "ban-members"])
        .badly(&["ban-members", "wants only"]);
    operator
        .plugin(&["grant", "versions", "ban-members", "--revoke"])
        .badly(&["ban-members", "granted only"]);
}
