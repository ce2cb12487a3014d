//! Which version runs and where, what is kept, and what survives an accident.

use crate::support::*;
use serde_json::json;
use std::process::Command;

#[test]
fn an_operator_goes_back_and_forth_between_versions() {
    let operator = Operator::new();
    operator
        .plugin(&["rollback", "versions"])
        .badly(&["no plugin \"versions\"", "none is"]);
    operator.installs(&plugin("versions-v1"));
    operator
        .plugin(&["rollback", "versions"])
        .badly(&["has had no version before", "1.0.0"]);
    operator.installs(&plugin("versions-v2-good"));
    operator
        .plugin(&["rollback", "versions"])
        .well(&["1.0.0", "is active again; before it was 2.0.0"]);
    assert_eq!(operator.active("versions"), "1.0.0");
    let digest = operator.installed("versions")["versions"][1]["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    operator
        .plugin(&["rollback", "versions", "--to", &digest[..12]])
        .well(&["2.0.0", "is active again"]);
    operator
        .plugin(&["rollback", "versions", "--to", "2.0.0"])
        .badly(&["2.0.0 is active already"]);
    operator
        .plugin(&["rollback", "versions", "--to", "7.0.0"])
        .badly(&["no version \"7.0.0\"", "1.0.0", "2.0.0"]);
}

#[test]
fn the_last_three_versions_are_kept_to_go_back_to() {
    let operator = Operator::new();
    for round in 1..=6 {
        operator.installs(&operator.rebuilt("versions-v1", &format!("round {round}")));
    }
    let installed = operator.installed("versions");
    let kept: Vec<String> = installed["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| format!("{}.wasm", version["digest"].as_str().unwrap()))
        .collect();
    assert_eq!(kept.len(), 4, "the active one and three before it");
    let mut sorted = kept.clone();
    sorted.sort();
    assert_eq!(operator.component_files(), sorted);
    let newest = installed["versions"][3]["source"]["path"].as_str().unwrap();
    assert!(newest.ends_with("round 6.wasm"), "{newest}");
    let again = operator.rebuilt("versions-v1", "another build");
    operator
        .plugin(&["install", again.to_str().unwrap(), "--yes"])
        .well(&["another component is installed as 1.0.0 too"]);
}

#[test]
fn a_plugin_is_enabled_where_the_operator_says() {
    let operator = Operator::new();
    let component = plugin("versions-v1");
    operator
        .plugin(&["install", component.to_str().unwrap(), "--yes", "--guild", "7"])
        .well(&["active in 1 guild"]);
    assert_eq!(
        operator.installed("versions")["guilds"],
        json!({ "mode": "only", "ids": ["7"] })
    );
    operator
        .plugin(&["enable", "versions", "--guild", "8", "--guild", "9"])
        .well(&["enabled in 3 guilds"]);
    operator
        .plugin(&["enable", "versions", "--all"])
        .well(&["enabled in every guild"]);
    operator
        .plugin(&["disable", "versions", "--guild", "8"])
        .well(&["enabled in every guild but 1"]);
    assert_eq!(
        operator.installed("versions")["guilds"],
        json!({ "mode": "except", "ids": ["8"] })
    );
    operator
        .plugin(&["disable", "versions", "--all"])
        .well(&["enabled in no guild"]);
    operator
        .plugin(&["enable", "version", "--all"])
        .badly(&["no plugin \"version\"", "installed: versions"]);
    let said = operator.plugin(&["enable", "versions", "--guild", "mine"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
}

#[test]
fn what_is_removed_leaves_nothing_behind() {
    let operator = Operator::new();
    operator.installs(&plugin("versions-v1"));
    operator.installs(&plugin("versions-v2-good"));
    operator
        .plugin(&["remove", "versions"])
        .well(&["versions is removed, with 2 versions"]);
    assert!(
        operator.listed()["catalogue"]["plugins"]
            .as_object()
            .unwrap()
            .is_empty()
    );
    assert!(operator.component_files().is_empty());
    operator
        .plugin(&["remove", "versions"])
        .badly(&["no plugin \"versions\""]);
}

#[test]
fn a_directory_is_installed_whole_or_not_at_all() {
    let operator = Operator::new();
    let directory = operator.home().join("suite");
    std::fs::create_dir(&directory).unwrap();
    operator
        .plugin(&["install", directory.to_str().unwrap(), "--yes"])
        .badly(&["suite", "no .wasm file"]);
    for name in ["echo", "tally"] {
        std::fs::copy(plugin(name), directory.join(name).with_extension("wasm")).unwrap();
    }
    let broken = directory.join("zz.wasm");
    std::fs::write(&broken, "this is no component").unwrap();
    operator
        .plugin(&["install", directory.to_str().unwrap(), "--yes"])
        .badly(&["zz.wasm", "not a WebAssembly component"]);
    assert!(operator.component_files().is_empty());
    std::fs::remove_file(&broken).unwrap();
    operator.installs(&directory).well(&["echo 0.1.0", "tally"]);
    assert_eq!(operator.component_files().len(), 2);
}

#[test]
fn what_is_no_plugin_is_named_and_changes_nothing() {
    let operator = Operator::new();
    operator.installs(&plugin("versions-v1"));
    let before = std::fs::read(operator.plugins().join("catalogue.json")).unwrap();
    // An empty component: sound, but of another world.
    let other = operator.file("other.wasm", b"\0asm\x0d\0\x01\0");
    for (what, complaint) in [
        ("no/such.wasm", "no/such.wasm"),
        (other.to_str().unwrap(), "not a plugin of guildhall:plugin"),
    ] {
        operator.plugin(&["install", what, "--yes"]).badly(&[complaint]);
    }
    operator
        .plugin(&["list", "--plugins", "no/such"])
        .badly(&["no/such", "no such directory"]);
    assert_eq!(
        std::fs::read(operator.plugins().join("catalogue.json")).unwrap(),
        before
    );
    assert_eq!(operator.component_files().len(), 1);
}

#[test]
fn a_write_that_is_cut_off_leaves_the_old_catalogue() {
    let operator = Operator::new();
    operator.installs(&plugin("versions-v1"));
    // The system kills whoever writes more than one block into a file.
    let mut cut_off = Command::new("sh");
    cut_off.args([
        "-c",
        "ulimit -f 1; exec \"$0\" plugin \"$@\"",
        env!("CARGO_BIN_EXE_guildhall"),
    ]);
    operator.at_home(&mut cut_off);
    let said = Said::of(&cut_off.args(["disable", "versions", "--all"]).output().unwrap());
    assert_ne!(said.code, Some(0), "{}", said.out);
    assert_eq!(operator.installed("versions")["guilds"], json!({ "mode": "all" }));
    // Nothing of it stays after the next change.
    operator.plugin(&["disable", "versions", "--guild", "7"]).well(&[]);
    assert_eq!(operator.component_files().len(), 1);
}

#[test]
fn a_catalogue_that_was_spoilt_is_named_and_left_alone() {
    let operator = Operator::new();
    operator.installs(&plugin("versions-v1"));
    let file = operator.plugins().join("catalogue.json");
    let newer = std::fs::read_to_string(&file)
        .unwrap()
        .replace("\"format\": 1", "\"format\": 2");
    std::fs::write(&file, &newer).unwrap();
    let said = operator.plugin(&["enable", "versions", "--all"]);
    assert_ne!(said.code, Some(0));
    assert!(
        said.err.contains("format 2") && said.err.contains("newer version"),
        "{}",
        said.err
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), newer);
    assert_eq!(operator.component_files().len(), 1);
}
