//! Components that only their author could have shipped.

use crate::support::*;
use std::path::Path;

/// Makes a key; answers its public half.
fn keygen(operator: &Operator, file: &str) -> String {
    operator.plugin(&["keygen", file]).well(&[]).out.trim().to_owned()
}

fn copy(operator: &Operator, built: &str) -> String {
    let component = operator.file("component.wasm", std::fs::read(plugin(built)).unwrap());
    component.to_str().unwrap().to_owned()
}

#[test]
fn a_signed_component_is_taken_from_its_author_alone() {
    let operator = Operator::new();
    let (author, other) = (keygen(&operator, "author.key"), keygen(&operator, "other.key"));
    let component = copy(&operator, "versions-v1");
    operator
        .plugin(&["install", &component, "--yes", "--signed-by", &author])
        .badly(&["component.wasm", "not signed"]);
    operator
        .plugin(&["sign", &component, "--key", "author.key"])
        .well(&[&format!("signed by {author}")]);
    operator
        .plugin(&["install", &component, "--yes", "--signed-by", &other])
        .badly(&[&author, "none of those that are trusted"]);
    let keys = operator.file("trusted", format!("{other}\n{author}\n"));
    operator
        .plugin(&["install", &component, "--yes", "--signed-by", keys.to_str().unwrap()])
        .well(&[&format!("signed by  {author}")]);
    assert_eq!(
        operator.installed("versions")["versions"][0]["signature"]["key"],
        author
    );
    // Other bytes under the old signature.
    copy(&operator, "versions-v2-good");
    for trust in [&["--signed-by", author.as_str()][..], &[]] {
        operator
            .plugin(&[&["install", &component, "--yes"], trust].concat())
            .badly(&["component.wasm", "not one of this component"]);
    }
    assert_eq!(operator.active("versions"), "1.0.0");
}

#[test]
fn a_configuration_with_keys_takes_nothing_unsigned() {
    let operator = Operator::new();
    let author = keygen(&operator, "author.key");
    let component = copy(&operator, "versions-v1");
    let configuration = operator.file("guildhall.toml", format!("plugin_keys = [{author:?}]"));
    let configuration = configuration.to_str().unwrap();
    let install = ["install", component.as_str(), "--yes", "--config", configuration];
    operator.plugin(&install).badly(&["not signed", "trusted key"]);
    operator.plugin(&["sign", &component, "--key", "author.key"]).well(&[]);
    operator.plugin(&install).well(&["active"]);
    let wrong = operator.file("wrong.toml", "plugin_keys = [\"mine\"]");
    operator
        .plugin(&["list", "--config", wrong.to_str().unwrap()])
        .badly(&["plugin_keys", "\"mine\"", "public key"]);
}

#[test]
fn keys_are_neither_overwritten_nor_mistaken() {
    let operator = Operator::new();
    keygen(&operator, "author.key");
    operator.plugin(&["keygen", "author.key"]).badly(&["author.key"]);
    let component = copy(&operator, "versions-v1");
    operator
        .plugin(&["sign", &component, "--key", "no/such.key"])
        .badly(&["no/such.key"]);
    operator
        .plugin(&["sign", &component, "--key", &component])
        .badly(&["component.wasm"]);
    operator
        .plugin(&["install", &component, "--yes", "--signed-by", "me"])
        .badly(&["\"me\"", "public key"]);
    assert!(!Path::new(&format!("{component}.sig")).exists());
}
